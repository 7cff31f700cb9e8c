/** The shapes of the states that modules draw; controlplane/core/admin/shapes.py has these and all
 * others. */

import { makeIcon } from "./dom.js";

export const SHAPES = {
    ACTIVE: ["completed", "completed"],
    CANCELLED: ["cancelled", "cancelled"],
    COMPLETED: ["completed", "completed"],
    DRAINING: ["draining", "retrying"],
    FAILED: ["failed", "failed"],
    LISTING: ["running", "running"],
    PAUSED: ["paused", "pending"],
    RUNNING: ["running", "running"],
    STARTING: ["pending", "pending"],
    STOPPED: ["muted", "scheduled"],
    bad: ["failed", "failed"],
    good: ["completed", "completed"],
    warning: ["warning", "retrying"],
};

/** One that the server names. */
export function makeNamedShape({ symbol, tone }) {
    return makeIcon(symbol, `shape ${tone}`);
}

/** The shape of a state, without its word. */
export function makeShape(state) {
    const [name, tone] = SHAPES[state] ?? SHAPES.FAILED;
    return makeIcon(`state-${name}`, `shape tone-${tone}`);
}
