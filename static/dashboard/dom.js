/** Elements, made and changed. Text goes in by textContent only. */

// What shows nothing, or turns others round; controlplane/core/visibletext.py has the same rules. Two
// signs round a text isolate it, and stay.
const HIDDEN = /\u2068([^\u2068\u2069]*)\u2069|(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/gu;
const SVG = "http://www.w3.org/2000/svg";

/** The address of the sprite, taken from a picture that the server has drawn. */
export function spriteUrl() {
    const use = document.querySelector("svg use[href*='icons.svg#']");
    return use ? use.getAttribute("href").split("#")[0] : "";
}

/** Put another symbol into the first picture of an element. */
export function setIcon(element, symbol) {
    element.querySelector("svg use")?.setAttribute("href", `${spriteUrl()}#${symbol}`);
}

/** A picture of the sprite, hidden from screen readers. */
export function makeIcon(symbol, className = "icon") {
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("class", className);
    picture.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `${spriteUrl()}#${symbol}`);
    picture.append(use);
    return picture;
}

/** A text of a live topic, with escapes for what could not be seen. */
export function visible(text) {
    return String(text ?? "").replace(HIDDEN, (found, isolated) => (
        isolated === undefined ? escapeCharacter(found) : `\u2068${visible(isolated)}\u2069`
    ));
}

function escapeCharacter(character) {
    const code = character.codePointAt(0);
    const digits = code.toString(16);
    if (character === "\r") return "\\r";
    if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

/** Put a text into an element, unless it is there already. */
export function put(element, text) {
    const shown = visible(text);
    if (element && element.textContent !== shown) element.textContent = shown;
}

/** An element with a class, a text and children. */
export function make(tag, className = "", text = "", ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = visible(text);
    element.append(...children);
    return element;
}

/** A row that has gone stays where it is, faint, and in words for screen readers; it may come back. */
export function markGone(row, isGone) {
    if (row.hasAttribute("data-gone") === isGone) return;
    row.toggleAttribute("data-gone", isGone);
    if (isGone) {
        const word = make("span", "visually-hidden gone-word", " (no longer updated)");
        (row.querySelector("h1, h3, th, td:last-child") ?? row).append(word);
    } else {
        row.querySelector(".gone-word")?.remove();
    }
}

/** Say something to screen readers, politely. */
export function announce(text) {
    const region = document.getElementById("announcer");
    if (region) region.textContent = visible(text);
}
