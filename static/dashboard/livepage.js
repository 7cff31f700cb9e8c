/** What makes a page live: its chip, its bound figures, its times. */

import { bindAll, startTicking } from "./bind.js";
import { startChip } from "./chip.js";

export function startLive() {
    bindAll();
    startChip();
    startTicking();
}
