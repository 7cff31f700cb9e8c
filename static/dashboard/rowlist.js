/** Lists whose rows follow an object {rows, order} of a live topic. */

const shown = new WeakMap();
const waiting = new WeakMap();

/**
 * The elements of `list` by data-key, in the order of the rows. `build(key, row)` makes an element,
 * `patch(element, row)` changes one whose row is another object. Nothing moves while somebody points
 * at the list or stands in it: it is put in order when they leave.
 */
export function syncList(list, data, build, patch) {
    const { rows, order } = data;
    const known = new Map([...list.children].map((item) => [item.dataset.key, item]));
    for (const key of order) {
        const item = known.get(key);
        if (!item || shown.get(item) === rows[key]) continue;
        patch(item, rows[key]);
        shown.set(item, rows[key]);
    }
    const isSame = order.length === known.size && order.every((key, n) => list.children[n].dataset.key === key);
    if (isSame) {
        waiting.delete(list);
    } else if (isUsed(list)) {
        waitFor(list, () => syncList(list, data, build, patch));
    } else {
        waiting.delete(list);
        list.replaceChildren(...order.map((key) => known.get(key) ?? make(key, rows[key], build)));
    }
}

function make(key, row, build) {
    const item = build(key, row);
    item.dataset.key = key;
    shown.set(item, row);
    return item;
}

function isUsed(list) {
    return list.matches(":hover, :focus-within");
}

/** Do it when nobody uses the list any more, unless something newer is to be done by then. */
function waitFor(list, act) {
    const isListening = waiting.has(list);
    waiting.set(list, act);
    if (isListening) return;
    const leave = () => setTimeout(() => {
        if (isUsed(list)) return;
        list.removeEventListener("pointerleave", leave);
        list.removeEventListener("focusout", leave);
        const next = waiting.get(list);
        waiting.delete(list);
        next?.();
    });
    list.addEventListener("pointerleave", leave);
    list.addEventListener("focusout", leave);
}
