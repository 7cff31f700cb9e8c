/** The list of tasks: selection. */

import { announce } from "./dom.js";
import { startLiveRows } from "./tasklive.js";

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

const form = document.querySelector("[data-selection]");
const table = document.querySelector("[data-task-table]");
if (form && table) {
    new Selection(form, table);
}
const panel = document.querySelector("[data-list-changes]");
if (panel) {
    startLiveRows(panel);
}
for (const each of document.querySelectorAll("[data-drawer] form")) {
    each.addEventListener("submit", () => announce("Loading"));
}
