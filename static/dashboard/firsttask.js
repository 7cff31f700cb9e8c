/** The start page of a workspace that has had no task: with the first one it becomes the overview. */

import { subscribe } from "./live.js";
import { reloadWhenFree } from "./reload.js";

subscribe("tasks", ({ newest }) => {
    if (newest.length) reloadWhenFree();
});
