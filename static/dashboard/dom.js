/** Elements, made and changed. Text goes in by textContent only. */

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

/** An element with a class, a text and children. */
export function make(tag, className = "", text = "", ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    element.append(...children);
    return element;
}

/** Say something to screen readers, politely. */
export function announce(text) {
    const region = document.getElementById("announcer");
    if (region) region.textContent = text;
}
