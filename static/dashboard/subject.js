/**
 * A page about one record that has a topic of its own:
 *
 *     <div data-subject="task:<id>" data-subject-word="task"> … <div data-actions>…</div> … </div>
 *
 * Once the record is deleted, or may not be seen any more, the page says so and when that was
 * noticed, switches its actions off, and no longer looks alive. Whatever else the page does with the
 * topic is done by its own module.
 */

import { make, markGone } from "./dom.js";
import { formatTime } from "./formats.js";
import { liveTopics, subscribe } from "./live.js";
import { FORBIDDEN } from "./livesocket.js";
import { makeShape } from "./shapes.js";

export function startSubject() {
    const subject = document.querySelector("[data-subject]");
    const topics = liveTopics();
    if (!subject || !topics) return;
    subscribe(subject.dataset.subject, () => {});
    topics.onRefusal((refusal) => {
        if (refusal.topic === subject.dataset.subject && !topics.isOver) end(subject, topics, refusal);
    });
}

function end(subject, topics, refusal) {
    const words = describe(refusal, subject.dataset.subjectWord);
    topics.finish(words);
    subject.before(makeNotice(words, refusal.message, topics.serverTime()));
    // The record is still there where only the topic is refused.
    if (refusal.kind !== "gone" && refusal.code !== FORBIDDEN) return;
    markGone(subject, true);
    switchOff(subject);
}

function describe({ kind, code }, word) {
    if (kind === "gone") return `This ${word} no longer exists.`;
    if (code === FORBIDDEN) return `You may no longer see this ${word}.`;
    return `This page no longer follows this ${word}.`;
}

function makeNotice(words, reason, heardAt) {
    const at = Number.isFinite(heardAt) ? heardAt : Date.now();
    const time = make("time", "", formatTime(at));
    time.dateTime = new Date(at).toISOString();
    const text = make("div", "", "", make("b", "", words));
    if (reason) text.append(" ", make("bdi", "", reason));
    text.append(" Noticed at ", time, ". The page shows what was there before.");
    const notice = make("div", "callout", "", makeShape("warning"), text);
    notice.setAttribute("role", "alert");
    return notice;
}

function switchOff(subject) {
    for (const each of subject.querySelectorAll("[data-actions], form[method='post']")) each.inert = true;
    for (const dialog of subject.querySelectorAll("dialog[open]:has(form[method='post'])")) dialog.close();
    // A question of confirm.js may still be open; its answer would send the form.
    subject.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopPropagation();
    }, true);
}
