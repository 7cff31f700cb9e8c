"""axe-core's rules for WCAG 2.2 AA."""

from typing import Any

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def find_violations(page: Any) -> list[str]:
    """Each violation with the elements that it is about."""
    from axe_playwright_python.sync_playwright import Axe

    options = {
        "runOnly": {"type": "tag", "values": _RULES},
        "resultTypes": ["violations"],
        "preload": False,
    }
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: "
        + "; ".join(node["html"][:200] for node in each["nodes"][:8])
        + f" ({len(each['nodes'])} in all)"
        for each in found
    ]
