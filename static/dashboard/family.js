/** The parents and the children of a task on its page: those that the server names, at most ten of
 * each. The others are on a page of their own. */

import { make, put } from "./dom.js";
import { makeLabel } from "./labels.js";
import { makeTicking } from "./moments.js";
import { makeNamedShape } from "./shapes.js";

export function drawFamily(page, { side, total, words, rows }) {
    const panel = page.querySelector(`[data-family="${side}"]`);
    panel.hidden = total === 0;
    put(panel.querySelector("[data-total]"), words);
    panel.querySelector("[data-all]").hidden = total <= rows.length;
    const named = new Set(rows.map((row) => row.id));
    for (const shown of panel.querySelectorAll("[data-neighbour]")) {
        if (!named.has(shown.dataset.neighbour)) shown.remove();
    }
    for (const row of rows) {
        const shown = panel.querySelector(`[data-neighbour="${row.id}"]`);
        if (shown) patchRow(shown, row);
        else panel.querySelector("tbody").append(makeRow(row));
    }
}

function patchRow(shown, row) {
    const word = shown.querySelector(".state-word");
    if (word.textContent !== row.word) {
        shown.querySelector(".state svg").replaceWith(makeNamedShape(row));
        put(word, row.word);
        shown.querySelector("[data-finished]").replaceChildren(makeFinished(row));
    }
    put(shown.querySelector("[data-wait]"), row.wait);
}

/** As templates/tasks_app/task/family_table.html. */
function makeRow(row) {
    const state = make("span", "state", "", makeNamedShape(row), make("span", "state-word", row.word));
    const link = make("a", "row-name cut", "", make("bdi", "", row.name));
    link.href = row.url;
    link.title = row.name;
    const finished = make("td", "number", "", makeFinished(row));
    finished.dataset.finished = "";
    const wait = make("td", "optional faint", row.wait);
    wait.dataset.wait = "";
    const made = make("tr", "", "", make("td", "", "", state), make("td", "main-cell", "", link),
        make("td", "optional", "", make("span", "soft", "", ...makeLabel(row.type))), finished, wait);
    made.dataset.neighbour = row.id;
    return made;
}

function makeFinished({ finishedAt }) {
    return finishedAt.at ? makeTicking(finishedAt) : finishedAt.text;
}
