/** What makes a page live: its chip, its bound figures, its new rows, its counts, its times, and the
 * record that it is about. */

import { bindAll, startTicking } from "./bind.js";
import { startChip } from "./chip.js";
import { startCounts } from "./counts.js";
import { startNewRows } from "./newrows.js";
import { startSubject } from "./subject.js";

export function startLive() {
    bindAll();
    startNewRows();
    startCounts();
    startSubject();
    startChip();
    startTicking();
}
