"""What the Tab key reaches."""

from typing import Any

_LIMIT = 600  # presses of Tab; a list of fifty rows has fewer controls
_TAB = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
_MARK = """() => {
    const wanted = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    const shown = [...document.querySelectorAll(wanted)].filter((each) =>
        each.checkVisibility({visibilityProperty: true}) && !each.disabled && each.tabIndex >= 0
        && each.type !== 'hidden');
    const groups = new Set();
    window.__unreached = new Set(shown.filter((each) => {
        if (each.type !== 'radio') return true;
        const isFirst = !groups.has(each.name);
        groups.add(each.name);
        return isFirst;
    }));
    window.__reached = 0;
    document.addEventListener('focusin', (event) => {
        const target = event.target;
        window.__unreached.delete(target);
        if (target.type !== 'radio') return;
        for (const each of window.__unreached)
            if (each.name === target.name) window.__unreached.delete(each);
    });
    document.activeElement?.blur();
    return window.__unreached.size;
}"""
_LEFT = "() => [...window.__unreached].slice(0, 10).map((each) => each.outerHTML.slice(0, 200))"


def find_unreached(page: Any) -> list[str]:
    """The visible controls that do not get the focus while Tab is pressed as often as there are
    controls."""
    count = min(_LIMIT, page.evaluate(_MARK) + 10)
    keys = page.context.new_cdp_session(page)
    for _ in range(count):
        # Nothing happens when the key comes up again.
        keys.send("Input.dispatchKeyEvent", _TAB)
    keys.detach()
    found: list[str] = page.evaluate(_LEFT)
    return found
