/** A box that scrolls sideways and has no control inside gets a place in the order of Tab, so that
 * the arrow keys can scroll it. */

const BOXES = ".table-box, .scroll, .results, pre";
const CONTROLS = "a[href], button, input, select, textarea, summary";

export function startScrollBoxes() {
    const observer = new ResizeObserver((changes) => {
        for (const { target } of changes) update(target);
    });
    for (const box of document.querySelectorAll(BOXES)) observer.observe(box);
}

function update(box) {
    const isCut = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (isCut && !box.querySelector(CONTROLS)) box.tabIndex = 0;
}
