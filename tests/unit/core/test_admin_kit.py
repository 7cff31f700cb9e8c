"""The kit of the admin's pages: forms with the errors of services, badges, times, tables."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django import forms
from django.template.loader import render_to_string

from controlplane.core.admin.display import Table, badge, folded, link, show_json, show_time
from controlplane.core.admin.forms import JsonField, ServiceForm
from controlplane.core.admin.newrows import NEW_LIMIT, describe_new
from controlplane.core.admin.shapes import SHAPES
from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid
from controlplane.core.formatting import EMPTY, format_time
from controlplane.settings.env import BASE_DIR


class Form(ServiceForm):
    api_fields = {"workflowId": "workflow"}

    payload = JsonField(required=False, empty_value={})
    max_attempts = forms.IntegerField(required=False)
    workflow = forms.CharField(required=False)


def valid_form(**data: Any) -> Form:
    form = Form(data)
    assert form.is_valid(), form.errors
    return form


class TestJsonField:
    @pytest.mark.parametrize(
        ("text", "value"), [("", {}), ("  ", {}), ("{}", {}), ("[1, 2.0]", [1, 2.0]), ("0", 0)]
    )
    def test_it_reads_any_json(self, text: str, value: Any) -> None:
        assert valid_form(payload=text).cleaned_data["payload"] == value

    @pytest.mark.parametrize(
        "text", ["{", '{"a": 1, "a": 2}', "NaN", "[" * 100_000, '"' + "x" * 300_001 + '"']
    )
    def test_what_is_refused_is_shown_again_as_typed(self, text: str) -> None:
        form = Form({"payload": text})
        assert not form.is_valid()
        assert form["payload"].value() == text

    def test_a_required_one_may_be_an_empty_object(self) -> None:
        field = JsonField()
        assert field.clean("{}") == {}
        with pytest.raises(forms.ValidationError, match="required"):
            field.clean(" ")

    def test_kinds_of_numbers_are_different_values(self) -> None:
        field = JsonField()
        assert field.has_changed({"n": 1}, '{"n": 1.0}')
        assert not field.has_changed({"n": 1}, '{ "n": 1 }')
        assert field.has_changed({"n": 1}, "{")


class TestErrorsOfServices:
    def test_they_are_shown_beside_the_fields(self) -> None:
        form = valid_form()
        errors = [
            {"field": "payload.items[3].n", "message": "Too large."},
            {"field": "maxAttempts", "message": "At least 1."},
            {"field": "workflowId", "message": "Unknown."},
            {"field": "region", "message": "Not a region."},
        ]
        form.refuse(Invalid(errors=errors))  # type: ignore[arg-type]
        assert form.errors == {
            "payload": ["payload.items[3].n: Too large."],
            "max_attempts": ["At least 1."],
            "workflow": ["Unknown."],
            "__all__": ["region: Not a region."],
        }

    def test_one_without_fields_is_shown_above_the_form(self) -> None:
        form = valid_form()
        form.refuse(Conflict("It has ended."))
        assert form.non_field_errors() == ["It has ended."]


class TestDisplay:
    def test_a_badge_has_the_text_and_the_colour_of_its_state(self) -> None:
        assert 'tone-failed"' in badge("TIMED_OUT")
        assert '<span class="state-word">Timed out</span>' in badge("TIMED_OUT")
        assert '#state-failed"' in badge("X", "<b>", colour="bad")
        assert '<span class="state-word">&lt;b&gt;</span>' in badge("X", "<b>", colour="bad")
        assert badge("") == badge(None) == EMPTY

    def test_a_time_is_relative_and_its_tooltip_exact(self) -> None:
        moment = now() - timedelta(minutes=5, seconds=1)
        shown = show_time(moment)
        assert f'title="{format_time(moment)}"' in shown
        assert ">5 min ago<" in shown
        assert show_time(None) == EMPTY

    def test_strange_text_is_escaped(self) -> None:
        for shown in (show_json({"a": "<b>"}), folded("<b>", "<b>")):
            assert "<b>" not in shown
        assert "<b>" not in link("tasks_app_task", "018f6f2e-0000-7000-8000-000000000001", "<b>")
        assert link("tasks_app_task", None, "x") == EMPTY

    def test_a_table(self) -> None:
        rows = [["a", 1], ["<b>", 2]]
        table = Table("Title", ["Name", "Count"], rows, numbers=frozenset({"Count"}))
        html = render_to_string("admin/kit/table.html", {"table": table})
        assert '<th scope="col" class="number">Count</th>' in html
        assert '<td class="number">2</td>' in html
        assert "&lt;b&gt;" in html

    def test_an_empty_table_says_so(self) -> None:
        html = render_to_string("admin/kit/table.html", {"table": Table("Runs", ["Run"], [])})
        assert '<td colspan="1">None.</td>' in html


def test_templates_name_shapes_that_exist() -> None:
    """One that is not in the table is drawn as the shape of what is quiet: nobody notices."""
    pages = BASE_DIR / "templates"
    named = {
        (path.relative_to(pages).as_posix(), name)
        for path in pages.rglob("*.html")
        for name in re.findall(r'{% shape "([^"]+)"', path.read_text())
    }
    assert len(named) > 20
    assert [each for each in sorted(named) if each[1] not in SHAPES] == []


@pytest.mark.parametrize(
    ("count", "shown"), [(0, ""), (1, "1"), (NEW_LIMIT - 1, "99"), (NEW_LIMIT, "99+")]
)
def test_new_rows_are_counted_as_far_as_their_label_shows(count: int, shown: str) -> None:
    assert describe_new(count) == shown
