/** The keys of a list: j and k walk over its rows, x selects one, Enter opens it. */

import { declareKeys } from "./keys.js";

const LISTS = "[data-walk], #result_list > tbody";
const ROWS = ":scope > :is(tr, li)";
const BOX = "input[type=checkbox][name=_selected_action]";
const LINK = "a.row-name, a.quiet-link, th a[href], a[href]";

export function startRowKeys() {
    const lists = [...document.querySelectorAll(LISTS)];
    if (!lists.length) return;
    declareKeys([
        { press: "j", text: "Next row", run: () => walk(1) },
        { press: "k", text: "Previous row", run: () => walk(-1) },
        { press: "Enter", text: "Open the row", run: () => false }, // a link has the focus
    ]);
    if (lists.some((list) => list.querySelector(BOX))) {
        declareKeys([{ press: "x", text: "Select the row", run: select }]);
    }
}

/** Rows that can be opened, as they are now: live lists change. */
function listRows() {
    const lists = [...document.querySelectorAll(LISTS)];
    return lists.flatMap((list) => [...list.querySelectorAll(ROWS)]).filter((row) => row.querySelector(LINK));
}

function currentRow() {
    return document.activeElement?.closest(`:is(${LISTS}) > :is(tr, li)`) ?? null;
}

function walk(step) {
    const rows = listRows();
    if (!rows.length) return false;
    const current = currentRow() ?? rows.find((row) => row.querySelector("[aria-current]"));
    const at = current ? rows.indexOf(current) : step > 0 ? -1 : rows.length;
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    next.querySelector(LINK).focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
}

function select() {
    const box = currentRow()?.querySelector(BOX);
    if (!box) return false;
    box.click(); // as a person would: scripts of the page hear of it
    return true;
}
