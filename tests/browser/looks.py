"""How a page looks: in both themes, wide and narrow, accessible, as a picture if one is wanted."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.axe import find_violations

# Each theme and each width once; at night each with each.
LOOKS = [
    ("light", 1440),
    ("dark", 390),
    pytest.param("dark", 1440, marks=pytest.mark.nightly),
    pytest.param("light", 390, marks=pytest.mark.nightly),
]
_PICTURES = os.environ.get("BROWSER_PICTURES")


def look(page: Any, name: str) -> None:
    """Nothing is inaccessible or too wide; a picture, if they are wanted."""
    if _PICTURES:
        Path(_PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(_PICTURES) / f"{name}.png", full_page=True)
    assert find_violations(page) == []
    sizes = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert sizes[0] <= sizes[1]
