"""axe-core's rules for WCAG 2.2 AA."""

from functools import cache
from typing import Any

_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
    "preload": False,
    "selectors": False,  # elements are named by their HTML
}
# Only what is wrong leaves the page: to hand over all results takes longer than to find them.
_RUN = """async (options) => (await axe.run(document, options)).violations.map((each) => {
    const elements = each.nodes.slice(0, 8).map((node) => node.html.slice(0, 200)).join("; ");
    return `${each.id} (${each.impact}): ${each.help}: ${elements} (${each.nodes.length} in all)`;
})"""


def find_violations(page: Any) -> list[str]:
    """Each violation with the elements that it is about."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_read_script())
    found: list[str] = page.evaluate(_RUN, _OPTIONS)
    return found


@cache
def _read_script() -> str:
    from axe_playwright_python.sync_playwright import Axe

    return str(Axe().axe_script)
