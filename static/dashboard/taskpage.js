/** The page of one task: dialogs, frames of the traceback, the log of one attempt, what is live. */

import { Asking } from "./asking.js";
import { announce } from "./dom.js";
import { Explanation } from "./explanation.js";
import { startPageDialogs } from "./opendialog.js";
import { addOlderLines, drawLeft, drawTask } from "./tasknow.js";

const PERIOD_MS = 1000;

/** Buttons of a group of which one is pressed. */
function startGroup(group, choose) {
    group.hidden = false;
    const buttons = [...group.querySelectorAll("button")];
    for (const button of buttons) {
        button.addEventListener("click", () => {
            for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
            choose(button);
        });
    }
    return buttons;
}

function startFrames() {
    const group = document.querySelector("[data-frames]");
    const text = document.getElementById("traceback-text");
    if (!group || !text) return;
    const [own] = startGroup(group, (button) => {
        text.dataset.show = button.dataset.show;
    });
    own.click();
}

function startLogFilter() {
    const group = document.querySelector("[data-log-filter]");
    const lines = document.querySelector("[data-log-lines]");
    if (!group || !lines) return;
    const buttons = startGroup(group, (button) => {
        lines.dataset.only = button.dataset.attempt;
        filterLines(lines);
    });
    // Attempts are drawn again as they go on.
    document.querySelector("[data-attempts]")?.addEventListener("click", (event) => {
        const link = event.target.closest("[data-logs-of]");
        if (link) buttons.find((each) => each.dataset.attempt === link.dataset.logsOf)?.click();
    });
}

/** Older lines come into the list. If that fails, the link leads to the page that has them. */
function startOlderLines() {
    const page = document.querySelector(".task-page");
    const link = page?.querySelector(".panel-foot[data-older] a");
    link?.addEventListener("click", async (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        try {
            const answer = await fetch(link.href, { headers: { Accept: "application/json" } });
            if (!answer.ok) throw new TypeError(answer.statusText);
            const found = await answer.json();
            addOlderLines(page, found);
            announce(`${found.lines.length} older lines`);
        } catch (error) {
            if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
            location.assign(link.href);
        }
    });
}

/** The topic says that the task has changed, or its explanation that it may be wrong by now; the server
 * says what the page shows then. */
function startLive() {
    const page = document.querySelector(".task-page");
    if (!page) return;
    for (const time of page.querySelectorAll(".facts > dd > time:first-child, [data-as-of] > time:last-child")) {
        time.dataset.tick = "ago";
    }
    let last = null;
    const show = (task) => {
        last = task;
        drawTask(page, task);
        if (page.dataset.status !== task.status) announce(`The task is ${task.word.toLowerCase()}`);
        page.dataset.status = task.status;
        explanation.noteAnswer();
    };
    const asking = new Asking([page.dataset.subject], () => ({ address: page.dataset.changes, show }), PERIOD_MS);
    const explanation = new Explanation(page, asking);
    page.addEventListener("focusout", () => requestAnimationFrame(() => last && drawLeft(page, last)));
}

/** Show the lines of the chosen attempt only. */
function filterLines(lines) {
    const only = lines.dataset.only ?? "";
    for (const line of lines.children) line.hidden = Boolean(only) && line.dataset.attempt !== only;
}

startPageDialogs();
startFrames();
startLogFilter();
startOlderLines();
startLive();
