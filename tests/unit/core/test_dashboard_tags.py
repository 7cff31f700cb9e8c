"""The library of template tags: hostile text stays text, unknown values are no figures."""

import re

from django.template import Context, Template

from controlplane.core.admin.shapes import SHAPES
from controlplane.settings.env import BASE_DIR

HOSTILE = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;"


def render(text: str, **values: object) -> str:
    return Template("{% load dashboard %}" + text).render(Context(values))


def test_a_state_has_its_shape_and_its_word() -> None:
    shown = render("{% state value %}", value="TIMED_OUT")
    assert "#state-failed" in shown
    assert ">Timed out</span>" in shown


def test_an_unknown_state_is_shown_by_its_word() -> None:
    assert ESCAPED in render("{% state value %}", value=HOSTILE)


def test_every_shape_and_icon_is_in_the_sprite() -> None:
    sprite = (BASE_DIR / "static/dashboard/icons.svg").read_text()
    for shape in SHAPES.values():
        assert f'id="state-{shape.name}"' in sprite


def test_a_bar_is_never_wider_than_its_box() -> None:
    assert 'width="100.0%"' in render("{% bar value %}", value=7)
    assert 'width="0.0%"' in render("{% bar value %}", value=-1)
    assert 'width="0.0%"' in render("{% bar value %}", value=None)


def test_every_chart_of_a_page_has_a_table() -> None:
    """With the same figures; but for small pictures within rows, whose label is a sentence."""
    without = []
    for path in sorted((BASE_DIR / "templates").rglob("*.html")):
        text = path.read_text()
        tables = " ".join(re.findall(r"{% (?:chart_table|bar_table) [^%]*%}", text)).split()
        if 'class="chart-table"' in text or path.name == "group_row.html":
            continue
        drawn = re.findall(r"{% (?:chart|histogram|bar_chart) (\S+)", text)
        without += [f"{path.name}: {name}" for name in drawn if name not in tables]
    assert without == []


def test_the_bars_of_a_chart_as_a_table() -> None:
    shown = Template("{% load charts %}{% bar_table bars 'Day' 'Letters' title %}").render(
        Context({"bars": [(HOSTILE, 1_200, 50)], "title": HOSTILE})
    )
    assert HOSTILE not in shown
    assert '<td class="number">1,200</td>' in shown


def test_names_in_a_bar_chart_are_text() -> None:
    shown = render("{% bar_chart columns label %}", columns=[(HOSTILE, 3, 50)], label=HOSTILE)
    assert HOSTILE not in shown
    assert 'y="50%"' in shown
