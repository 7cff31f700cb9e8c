/** Times that the server sends as `{ text, at, title, relative }`. */

import { make } from "./dom.js";

/** A text, or a time of day. */
export function makePart(part) {
    if (!part.at) return make("bdi", "", part.text);
    const time = make("time", "", part.text);
    time.dateTime = part.at;
    time.title = part.title;
    return time;
}

/** A time that follows the clock. */
export function makeTicking(moment) {
    const time = makePart({ ...moment, text: moment.relative });
    time.dataset.tick = "ago";
    return time;
}
