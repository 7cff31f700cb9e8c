/** The list of the audit log. */

import { startDrawers } from "./drawers.js";

startDrawers();
