/** Snapshots of live topics and their changes; controlplane/live/changes.py has the same rules. */

/** The keys of a path such as "rows/a~1b/state". */
export function splitPath(path) {
    return path.split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A key as a part of a path. */
export function escapeKey(key) {
    return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}

/** What stands at a path; undefined if there is nothing. */
export function readPath(snapshot, path) {
    if (!path) return snapshot;
    let found = snapshot;
    for (const key of splitPath(path)) {
        if (!isObject(found) || !Object.hasOwn(found, key)) return undefined;
        found = found[key];
    }
    return found;
}

/** The snapshot after a change {set, remove}. The given one stays as it is. */
export function applyChange(snapshot, change) {
    const root = copyOf(snapshot);
    const copied = new Set([root]);
    for (const path of change.remove) {
        const [parent, key] = findParent(root, path, copied);
        if (parent) delete parent[key];
    }
    for (const [path, value] of Object.entries(change.set)) {
        const [parent, key] = findParent(root, path, copied);
        if (!parent) throw new Error(`The snapshot has no object for ${path}.`);
        put(parent, key, value);
    }
    return root;
}

function findParent(root, path, copied) {
    const keys = splitPath(path);
    const last = keys.pop();
    let parent = root;
    for (const key of keys) {
        if (!Object.hasOwn(parent, key) || !isObject(parent[key])) return [null, last];
        if (!copied.has(parent[key])) {
            const child = copyOf(parent[key]);
            copied.add(child);
            put(parent, key, child);
        }
        parent = parent[key];
    }
    return [parent, last];
}

function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function copyOf(object) {
    return Object.defineProperties({}, Object.getOwnPropertyDescriptors(object));
}

/** As JSON.parse does it: a key "__proto__" is a key like every other. */
function put(object, key, value) {
    Object.defineProperty(object, key, {
        value, writable: true, enumerable: true, configurable: true,
    });
}
