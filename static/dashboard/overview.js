/** The start page: sentences, lists and charts that change their shape. Figures follow by bind.js. */

import { drawChart, drawSpark, fillTable, redraw } from "./charts.js";
import { make, makeIcon, put } from "./dom.js";
import { formatRelative } from "./formats.js";
import { liveTopics, subscribe } from "./live.js";

const SHAPES = { FAILED: ["failed", "failed"], PAUSED: ["paused", "pending"], COMPLETED: ["completed", "completed"] };
const SVG = "http://www.w3.org/2000/svg";

function makeShape(state) {
    const [name, tone] = SHAPES[state] ?? SHAPES.FAILED;
    return makeIcon(`state-${name}`, `shape tone-${tone}`);
}

/** Rows by key in their order. Nothing moves while somebody points at the list or stands in it. */
function syncList(list, { rows, order }, build, patch) {
    const known = new Map([...list.children].map((item) => [item.dataset.key, item]));
    for (const key of order) {
        if (known.has(key)) patch(known.get(key), rows[key]);
    }
    const isSame = order.length === known.size && order.every((key, n) => list.children[n].dataset.key === key);
    if (isSame || list.matches(":hover, :focus-within")) return;
    list.replaceChildren(...order.map((key) => known.get(key) ?? build(key, rows[key])));
}

// ---- what is wrong ----

function buildFinding(key, row) {
    const item = make("li");
    item.dataset.key = key;
    const link = make("a", "", row.subject);
    const open = make("a", "button small situation-open", row.action, makeIcon("i-right"));
    link.href = row.url;
    open.href = row.url;
    const what = make("p", "situation-what", "", link, " ", make("span"));
    const since = make("p", "situation-since", "", make("b"), make("time"));
    item.append(
        make("span", "situation-shape", "", makeShape(row.shape)),
        make("div", "", "", what, make("p", "situation-why")),
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
    put(item.querySelector(".situation-since > b"), row.lasted);
    const time = item.querySelector(".situation-since > time");
    put(time, row.since);
    if (time && row.since_at) time.dateTime = row.since_at;
    if (item.dataset.shape !== row.shape) {
        item.dataset.shape = row.shape;
        item.querySelector(".situation-shape").replaceChildren(makeShape(row.shape));
    }
    drawEvidence(item.querySelector(".situation-evidence"), row);
}

function drawEvidence(place, row) {
    const drawn = JSON.stringify([row.spark, row.runs]);
    if (place.dataset.drawn === drawn) return;
    place.dataset.drawn = drawn;
    const parts = [];
    if (row.spark) {
        const picture = document.createElementNS(SVG, "svg");
        for (const [name, value] of Object.entries({
            class: "spark",
            height: row.spark.height,
            role: "img",
            viewBox: `0 0 1000 ${row.spark.height}`,
            preserveAspectRatio: "none",
        })) picture.setAttribute(name, value);
        drawSpark(picture, row.spark);
        parts.push(picture);
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
    list.hidden = data.order.length === 0;
    panel.classList.toggle("wrong", data.wrong > 0);
    const head = panel.querySelector("h2 > .situation-shape");
    const state = data.wrong ? "FAILED" : "COMPLETED";
    if (head.dataset.shape !== state) {
        head.dataset.shape = state;
        head.replaceChildren(makeShape(state));
    }
    syncList(list, data, buildFinding, patchFinding);
}

// ---- figures and lists ----

function showFigures(data) {
    for (const [key, figure] of Object.entries(data?.rows ?? {})) {
        const shape = document.querySelector(`[data-figure="${CSS.escape(key)}"] .figure-shape`);
        if (shape) shape.hidden = !figure.is_wrong;
        if (figure.spark) redraw(document, key, figure.spark);
    }
}

function showQueues(data) {
    for (const [key, row] of Object.entries(data?.rows ?? {})) {
        if (row.spark) redraw(document, `queue-${key}`, row.spark);
    }
}

function makeTime(moment) {
    const time = make("time", "", formatRelative(Date.parse(moment), liveTopics().serverTime()));
    time.dateTime = moment;
    time.dataset.tick = "ago";
    return time;
}

function showRows(name, data, build) {
    const list = document.querySelector(`[data-list="${name}"]`);
    if (!list || !data) return;
    list.hidden = data.order.length === 0;
    document.querySelector(`[data-empty="${name}"]`).hidden = !list.hidden;
    syncList(list, data, (key, row) => build(list.dataset.base, key, row), () => {});
}

function keyed(key, ...children) {
    const item = make("li", "", "", ...children);
    item.dataset.key = key;
    return item;
}

function buildFailure(base, key, row) {
    const link = make("a", "row-name", row.name);
    link.href = `${base}${encodeURIComponent(key)}/change/`;
    const type = row.type === row.name ? "" : make("span", "faint", row.type);
    const text = make("div", "", "", link, " ", type, make("p", "overview-error", row.error));
    return keyed(key, makeShape("FAILED"), text, make("span", "overview-when", "", makeTime(row.at)));
}

function buildEvent(base, key, row) {
    const link = make("a", "overview-change", row.change);
    link.href = `${base}${encodeURIComponent(key)}/change/`;
    return keyed(key, makeTime(row.at), link, make("p", "", row.sentence));
}

// ---- charts ----

function showCharts(data) {
    const { throughput, waits } = data;
    if (throughput) {
        const { completed, troubled } = throughput;
        redraw(document, "throughput-completed", completed);
        redraw(document, "throughput-troubled", troubled);
        const names = [...completed.legend, ...troubled.legend];
        document.querySelectorAll("[data-legend='throughput'] li > span").forEach((label, n) => put(label, names[n]?.text ?? ""));
        fill("panel-throughput", [...completed.columns, ...troubled.columns.slice(1)], completed.rows.map((row, n) => [...row, ...troubled.rows[n].slice(1)]));
    }
    if (waits) {
        for (const chart of document.querySelectorAll("[data-chart='waits']")) drawChart(chart, waits.chart);
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

const root = document.querySelector("[data-topic='overview']");
if (root) {
    subscribe("overview", (data) => {
        showSituation(data.situation);
        showFigures(data.figures);
        showQueues(data.queues);
        showRows("failures", data.failures, buildFailure);
        showRows("scaling", data.scaling, buildEvent);
    });
    subscribe(`overview-charts:${root.dataset.span}`, showCharts);
}
