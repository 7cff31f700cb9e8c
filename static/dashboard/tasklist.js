/** The list of tasks: selection, keys, drawers. */

import { announce } from "./dom.js";
import { startLiveRows } from "./tasklive.js";

/** Close a drawer by Escape or by a click elsewhere. */
function startDrawers() {
    const drawers = [...document.querySelectorAll("details[data-drawer]")];
    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        const open = drawers.find((each) => each.open);
        if (!open) return;
        open.open = false;
        open.querySelector("summary").focus();
    });
    document.addEventListener("click", (event) => {
        for (const each of drawers) if (each.open && !each.contains(event.target)) each.open = false;
    });
}

class Selection {
    constructor(form, table) {
        this.form = form;
        this.table = table;
        this.all = table.querySelector("[data-pick-all]");
        this.across = form.querySelector("[data-across]");
        this.label = form.querySelector("[data-selected]");
        const clear = form.querySelector("[data-unselect]");
        clear.hidden = false;
        clear.addEventListener("click", () => this.clear());
        this.all.addEventListener("change", () => this.pickAll(this.all.checked));
        form.addEventListener("change", () => this.show());
        table.addEventListener("change", () => this.show());
        this.show();
    }

    get boxes() {
        return [...this.table.querySelectorAll("tbody input[name='_selected_action']")];
    }

    pickAll(isChecked) {
        for (const box of this.boxes) box.checked = isChecked;
        if (!isChecked) this.across.checked = false;
        this.show();
    }

    clear() {
        this.pickAll(false);
        this.all.focus();
    }

    toggle(row) {
        const box = row.querySelector("input[name='_selected_action']");
        if (!box) return;
        box.checked = !box.checked;
        this.show();
    }

    show() {
        const boxes = this.boxes;
        const count = boxes.filter((box) => box.checked).length;
        this.all.checked = count > 0 && count === boxes.length;
        this.all.indeterminate = count > 0 && count < boxes.length;
        const text = this.across.checked ? "All that match" : `${count} selected`;
        if (this.label.textContent !== text) this.label.textContent = text;
        this.form.hidden = count === 0;
    }
}

/** The keys of a list: j and k walk, x selects, Enter opens. */
class Keys {
    constructor(body, selection) {
        this.body = body;
        this.selection = selection;
        document.addEventListener("keydown", (event) => this.press(event));
    }

    get rows() {
        return [...this.body.querySelectorAll("tr[data-task-row]")];
    }

    get current() {
        return document.activeElement?.closest("tr[data-task-row]") ?? null;
    }

    press(event) {
        if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
        if (localStorage.getItem("taskplane.keys") === "off") return;
        if (event.key === "j") this.walk(1);
        else if (event.key === "k") this.walk(-1);
        else if (event.key === "x" && this.current) this.selection?.toggle(this.current);
        else return;
        event.preventDefault();
    }

    walk(step) {
        const rows = this.rows;
        if (!rows.length) return;
        const at = this.current ? rows.indexOf(this.current) : step > 0 ? -1 : rows.length;
        const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
        next.querySelector("a.row-name").focus();
        next.scrollIntoView({ block: "nearest" });
    }
}

function isTyping(target) {
    if (target.closest("dialog")) return true;
    const isText = target.matches("input:not([type='checkbox'], [type='radio'])");
    return isText || target.matches("textarea, select") || target.isContentEditable;
}

startDrawers();
const form = document.querySelector("[data-selection]");
const table = document.querySelector("[data-task-table]");
const selection = form && table ? new Selection(form, table) : null;
if (table) {
    new Keys(table.tBodies[0], selection);
    startLiveRows(table, selection);
}
for (const each of document.querySelectorAll("[data-drawer] form")) {
    each.addEventListener("submit", () => announce("Loading"));
}
