/** The form of one of beat's periodic tasks: the chosen crontab in words. */

import { put } from "./dom.js";
import { EMPTY } from "./formats.js";

const chosen = document.getElementById("id_crontab");
const shown = document.querySelector(".field-crontab_translation .readonly");
if (chosen && shown) {
    const words = JSON.parse(document.getElementById("readable-crontabs").textContent);
    // Django's windows for another crontab call jQuery's listeners only, which hear the others, too.
    window.django.jQuery(chosen).on("change", () => put(shown, words[chosen.value] ?? EMPTY));
}
