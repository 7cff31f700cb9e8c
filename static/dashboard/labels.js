/** Names of task types and queues, as tasks_app/labels.py has them. */

import { make, visible } from "./dom.js";
import { makeShape } from "./shapes.js";

/** The name of a type or a queue with its description, and a mark before it for its badge, as the tag
 * `label` draws it. */
export function makeLabel({ name, about, badge, sentence }) {
    if (!about && !badge) return [visible(name)];
    const shown = make("bdi", "", name);
    if (about) shown.title = visible(about);
    if (!badge) return [shown];
    const words = make("span", "visually-hidden", `${badge}:`);
    const mark = make("span", "", "", makeShape("warning"), words);
    mark.title = visible(sentence);
    return [mark, " ", shown];
}
