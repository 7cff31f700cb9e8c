/** What every page does: theme switch, search, keys. Each part is a module of its own. */

import { startThemeSwitch } from "./themeswitch.js";

startThemeSwitch();
