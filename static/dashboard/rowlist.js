/** Lists whose rows follow an object {rows, order} of a live topic. */

import { make, markGone } from "./dom.js";

const WAITING = "Newer rows wait until you leave this list";

const shown = new WeakMap();
const waiting = new WeakMap();

/**
 * The elements of `list` by data-key, in the order of the rows. `build(key, row)` makes an element,
 * `patch(element, row)` changes one whose row is another object. Nothing moves while somebody points
 * at the list or stands in it: it is put in order when they leave, and its panel says so until then.
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
    const mustWait = !isSame && isUsed(list);
    for (const [key, item] of known) markGone(item, mustWait && !(key in rows));
    sayThatRowsWait(list, mustWait);
    if (mustWait) {
        waitFor(list, () => syncList(list, data, build, patch));
        return;
    }
    waiting.delete(list);
    if (!isSame) list.replaceChildren(...order.map((key) => known.get(key) ?? makeRow(key, rows[key], build)));
}

function sayThatRowsWait(list, mustWait) {
    const panel = list.closest(".panel");
    const words = panel?.querySelector(":scope > .panel-waiting");
    if (!mustWait) words?.remove();
    else if (panel && !words) panel.append(make("p", "panel-waiting", WAITING)); // below: the list stays
}

function makeRow(key, row, build) {
    const item = build(key, row);
    item.dataset.key = key;
    shown.set(item, row);
    return item;
}

function isUsed(list) {
    // A touch leaves :hover behind.
    const isPointedAt = matchMedia("(hover: hover)").matches && list.matches(":hover");
    return isPointedAt || list.matches(":focus-within");
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
