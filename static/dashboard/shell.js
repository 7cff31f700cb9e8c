/** What every page does. Each part is a module of its own. */

import { startConfirmations } from "./confirm.js";
import { startCopyButtons } from "./copy.js";
import { keepFocus } from "./focus.js";
import { startKeys } from "./keys.js";
import { startLive } from "./livepage.js";
import { startMenus } from "./menus.js";
import { startReloads } from "./reload.js";
import { startRowKeys } from "./rowkeys.js";
import { startSavedViews } from "./savedviews.js";
import { startScrollBoxes } from "./scrollboxes.js";
import { startSearch } from "./search.js";
import { nameShownWorkspace } from "./shownworkspace.js";
import { startThemeSwitch } from "./themeswitch.js";
import { startToasts } from "./toasts.js";

nameShownWorkspace();
keepFocus();
startThemeSwitch();
startSearch();
startKeys();
startRowKeys();
startConfirmations();
startCopyButtons();
startToasts();
startMenus();
startReloads();
startLive();
startScrollBoxes();
startSavedViews();
