/**
 * The focus is never lost. When the element that has it is removed, hidden, disabled or made inert (a
 * dialog or a menu that closes, a row or a panel that is replaced), the focus goes to the nearest
 * element around it that can have one, at last to the content of the page; otherwise Tab would begin
 * at the top.
 */

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
const WATCHED = { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "disabled", "hidden", "inert", "open"] };

export function keepFocus(root = document) {
    let last = null;
    let around = [];
    root.addEventListener("focusin", (event) => {
        last = event.target;
        around = listAround(last);
    });
    const check = () => {
        if (!last || !isNowhere(root) || canHaveFocus(last)) return;
        const next = findNext(around) ?? root.querySelector("main");
        last = null;
        next?.focus({ preventScroll: true });
    };
    // The browser takes the focus away when it draws; only then it is known to be lost.
    new MutationObserver(() => {
        if (last && !canHaveFocus(last)) requestAnimationFrame(() => setTimeout(check));
    }).observe(root.body, WATCHED);
}

function isNowhere(root) {
    return !root.activeElement || root.activeElement === root.body;
}

function canHaveFocus(element) {
    const isOff = !element.isConnected || element.disabled || element.closest("[inert]");
    return !isOff && element.checkVisibility({ visibilityProperty: true });
}

/** The elements around this one, the nearest first, while it is still there. */
function listAround(element) {
    const found = [];
    for (let each = element.parentElement; each && each !== document.body; each = each.parentElement) found.push(each);
    return found;
}

/** The first control of the nearest element around that is still shown, or the content itself. */
function findNext(around) {
    for (const each of around.filter(canHaveFocus)) {
        if (each.matches("main, [tabindex]")) return each;
        const control = [...each.querySelectorAll(FOCUSABLE)].find((one) => one.tabIndex >= 0 && canHaveFocus(one));
        if (control) return control;
    }
    return null;
}
