/** The start page: sentences and charts that change their shape. Figures follow by bind.js, the lists
 * by overviewlists.js. */

import { fillTable, makeSpark, redraw } from "./charts.js";
import { make, makeIcon, put } from "./dom.js";
import { subscribe } from "./live.js";
import { showLists } from "./overviewlists.js";
import { reloadWhenFree } from "./reload.js";
import { syncList } from "./rowlist.js";
import { makeShape } from "./shapes.js";

const root = document.querySelector("[data-topic='overview']");

// ---- what is wrong ----

// Live data is that of everybody: the permissions that the person does not have say what to leave out.
const lacking = new Set(root?.dataset.lacking.split(" ").filter(Boolean));

function buildFinding(key, row) {
    const item = make("li");
    const link = make("a", "", row.subject);
    const open = make("a", "button small situation-open", row.action, makeIcon("i-right"));
    link.href = row.url;
    open.href = row.url;
    const what = make("p", "situation-what", "", link, " ", make("span"));
    const runbook = make("a", "", "", makeIcon("i-out", "icon small"), "Runbook");
    runbook.rel = "noopener noreferrer";
    const about = make("p", "situation-about", "", make("span"), runbook);
    const since = make("p", "situation-since", "", make("b"), make("time"));
    item.append(
        make("span", "situation-shape", "", makeShape(row.shape)),
        make("div", "", "", what, make("p", "situation-why"), about),
        make("div", "situation-evidence"),
        since,
        open,
    );
    patchFinding(item, row);
    return item;
}

function patchFinding(item, row) {
    put(item.querySelector(".situation-what > span"), row.says);
    put(item.querySelector(".situation-why"), row.why);
    patchAbout(item.querySelector(".situation-about"), row);
    put(item.querySelector(".situation-since > b"), row.lasted);
    const time = item.querySelector(".situation-since > time");
    put(time, row.since);
    if (time && row.since_at) {
        time.dateTime = row.since_at;
        time.title = row.exact;
    }
    if (item.dataset.shape !== row.shape) {
        item.dataset.shape = row.shape;
        item.querySelector(".situation-shape").replaceChildren(makeShape(row.shape));
    }
    drawEvidence(item.querySelector(".situation-evidence"), row);
}

/** Who owns the subject, and its runbook. */
function patchAbout(about, { owner, runbook }) {
    const [name, link] = about.children;
    about.hidden = !owner && !runbook;
    name.hidden = !owner;
    put(name, `Owner: ${owner}`);
    link.hidden = !runbook;
    if (runbook) link.href = runbook;
}

function drawEvidence(place, row) {
    const drawn = JSON.stringify([row.spark, row.runs]);
    if (place.dataset.drawn === drawn) return;
    place.dataset.drawn = drawn;
    const parts = [];
    if (row.spark) {
        parts.push(makeSpark("", row.spark));
    } else if (row.runs.length) {
        const words = make("span", "visually-hidden", row.words);
        parts.push(make("p", "situation-runs", "", words, ...row.runs.map(makeShape)));
    }
    if (row.caption) parts.push(make("span", "", row.caption));
    place.replaceChildren(...parts);
}

function showSituation(data) {
    const panel = document.getElementById("panel-situation");
    const list = panel?.querySelector("ol");
    if (!list || !data) return;
    const { rows } = data;
    const order = data.order.filter((key) => !lacking.has(rows[key].permission));
    const wrong = order.filter((key) => rows[key].shape !== "COMPLETED").length;
    list.hidden = order.length === 0;
    panel.classList.toggle("wrong", wrong > 0);
    put(panel.querySelector("[data-title]"), wrong ? `${wrong === 1 ? "One thing is" : `${wrong} things are`} wrong` : "Nothing is wrong");
    const head = panel.querySelector("h2 > .situation-shape");
    const state = wrong ? "FAILED" : "COMPLETED";
    if (head.dataset.shape !== state) {
        head.dataset.shape = state;
        head.replaceChildren(makeShape(state));
    }
    syncList(list, { rows, order }, buildFinding, patchFinding);
}

// ---- figures ----

function showFigures(data) {
    for (const [key, figure] of Object.entries(data?.rows ?? {})) {
        const shown = document.querySelector(`[data-figure="${CSS.escape(key)}"]`);
        if (!shown) continue;
        shown.querySelector(".figure-shape").hidden = !figure.is_wrong;
        // The begin of the span that it counts moves on.
        if (figure.link.query) shown.search = figure.link.query;
        if (figure.spark) redraw(document, key, figure.spark);
    }
}

// ---- charts ----

function showCharts(data) {
    const mayNameNodes = !lacking.has("workers.view_node");
    const { throughput, waits } = mayNameNodes ? data : { ...data, ...data.withoutNodes };
    if (throughput) {
        const { completed, troubled } = throughput;
        redraw(document, "throughput-completed", completed);
        redraw(document, "throughput-troubled", troubled);
        const names = [...completed.legend, ...troubled.legend];
        document.querySelectorAll("[data-legend='throughput'] li > span").forEach((label, n) => put(label, names[n]?.text ?? ""));
        fill("panel-throughput", [...completed.columns, ...troubled.columns.slice(1)], completed.rows.map((row, n) => [...row, ...troubled.rows[n].slice(1)]));
    }
    if (waits) {
        redraw(document, "waits", waits.chart);
        fill("panel-waits", waits.chart.columns, waits.chart.rows);
    }
}

/** The table follows while it is open; one that is opened later has the newest figures. */
function fill(panel, columns, rows) {
    const table = document.querySelector(`#${panel} .chart-table`);
    if (!table) return;
    table.ontoggle = () => fillTable(table, columns, rows);
    if (table.open) fillTable(table, columns, rows);
}

// ---- panels that cannot be read ----

const PROBLEM = "This part cannot be read at the moment: what it shows is old.";
const RELOADED = "taskplane-overview-reloaded";
const RELOAD_MS = 60000;

/** What the page reads may fail for longer than what the topic reads. */
function reloadOnce() {
    if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < RELOAD_MS) return;
    sessionStorage.setItem(RELOADED, String(Date.now()));
    reloadWhenFree();
}

/** A panel that cannot be read keeps what it shows, looks old, and says so; one that could not be
 * read when the page was drawn has nothing to follow with. */
function markPanels(data) {
    for (const name of data.failed ?? []) {
        const panel = document.getElementById(`panel-${name}`);
        if (!panel || panel.matches("[data-failed], .is-stale")) continue;
        panel.classList.add("is-stale");
        const problem = make("p", "panel-problem", PROBLEM);
        problem.id = `problem-${name}`;
        // The figures are a row of their own.
        if (panel.matches(".figures")) panel.after(problem);
        else panel.append(problem);
    }
    for (const panel of document.querySelectorAll(".overview [id^='panel-']:is(.is-stale, [data-failed])")) {
        const name = panel.id.slice("panel-".length);
        if (!(name in data)) continue;
        if (panel.matches("[data-failed]")) reloadOnce();
        panel.classList.remove("is-stale");
        document.getElementById(`problem-${name}`)?.remove();
    }
}

if (root) {
    subscribe("overview", (data) => {
        markPanels(data);
        showSituation(data.situation);
        showFigures(data.figures);
        showLists(data);
    });
    subscribe(`overview-charts:${root.dataset.span}`, (data) => {
        markPanels(data);
        showCharts(data);
    });
}
