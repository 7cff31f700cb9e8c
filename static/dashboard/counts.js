/**
 * The figures beside the entries of the sidebar, each the sum of live figures: of the workspaces of
 * the person, <span data-sum="payments/navigation#operations ops/navigation#operations">7</span>.
 * Its element with data-count is hidden while the sum is zero or unknown. data-less="paths" names what
 * is taken off in each topic, if it is there.
 */

import { putFigure, splitName } from "./bind.js";
import { readPath } from "./changes.js";
import { formatNumber } from "./formats.js";
import { subscribe } from "./live.js";

export function startCounts(root = document) {
    for (const element of root.querySelectorAll("[data-sum]")) follow(element);
}

function follow(element) {
    const box = element.closest("[data-count]");
    const parts = element.dataset.sum.split(" ").map(splitName);
    const less = element.dataset.less?.split(" ") ?? [];
    const values = new Map();
    for (const { topic, path } of parts) {
        subscribe(topic, (snapshot) => {
            values.set(topic, readFigure(snapshot, path, less));
            if (values.size < parts.length) return;
            const sum = addUp([...values.values()]);
            if (sum !== null) putFigure(element, formatNumber(sum));
            box.hidden = !sum;
        });
    }
}

/** What stands at `path` without what stands at the paths `less`; null if it is unknown. */
export function readFigure(snapshot, path, less) {
    const value = readPath(snapshot, path) ?? null;
    return value === null ? null : less.reduce((rest, each) => rest - (readPath(snapshot, each) ?? 0), value);
}

/** Null if one of them is unknown. */
export function addUp(values) {
    return values.includes(null) ? null : values.reduce((sum, value) => sum + value, 0);
}
