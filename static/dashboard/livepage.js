/** What makes a page live: its chip, its bound figures, its new rows, its counts, its times. */

import { bindAll, startTicking } from "./bind.js";
import { startChip } from "./chip.js";
import { startCounts } from "./counts.js";
import { startNewRows } from "./newrows.js";

export function startLive() {
    bindAll();
    startNewRows();
    startCounts();
    startChip();
    startTicking();
}
