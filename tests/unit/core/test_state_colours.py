"""The colours of static/dashboard/tokens.css: states differ for every kind of sight, and texts and
shapes have the contrast that WCAG 2.2 AA asks for, in light and in dark."""

import re
from itertools import combinations

import pytest

from controlplane.settings.env import BASE_DIR
from tests.unit.core.colours import SIGHTS, contrast, distance

_TOKENS = (BASE_DIR / "static/dashboard/tokens.css").read_text()
_PAIR = re.compile(r"--([a-z-]+): light-dark\((#[0-9A-F]{6}), (#[0-9A-F]{6})\);")
COLOURS = {name: (light, dark) for name, light, dark in _PAIR.findall(_TOKENS)}
STATES = sorted(name for name in COLOURS if name.startswith("state-"))
THEMES = {"light": 0, "dark": 1}


def test_the_formula_agrees_with_known_distances() -> None:
    assert distance("#FF0000", "#00FF00", "normal") == pytest.approx(86.6, abs=0.1)
    assert distance("#808080", "#808080", "deutan") == 0
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHTS)
def test_two_states_never_look_alike(theme: str, sight: str) -> None:
    assert len(STATES) == 8
    column = THEMES[theme]
    alike = {
        (first, second): round(found, 1)
        for first, second in combinations(STATES, 2)
        if (found := distance(COLOURS[first][column], COLOURS[second][column], sight)) < 12
    }
    assert alike == {}


@pytest.mark.parametrize("theme", THEMES)
def test_shapes_and_borders_have_a_contrast_of_three(theme: str) -> None:
    column = THEMES[theme]
    faint = {
        (name, ground): round(found, 2)
        for name in (*STATES, "edge", "accent")
        for ground in ("page", "surface")
        if (found := contrast(COLOURS[name][column], COLOURS[ground][column])) < 3
    }
    assert faint == {}


@pytest.mark.parametrize("theme", THEMES)
def test_texts_have_a_contrast_of_four_and_a_half(theme: str) -> None:
    column = THEMES[theme]
    faint = {
        (name, ground): round(found, 2)
        for name in ("ink", "ink-soft", "ink-faint", "accent", "harm-ink")
        for ground in ("page", "surface", "surface-soft", "sunken", "hover", "accent-soft")
        if (found := contrast(COLOURS[name][column], COLOURS[ground][column])) < 4.5
    }
    assert faint == {}
