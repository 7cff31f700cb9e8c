"""The view from which a list was opened stays chosen while somebody uses the list: it is shown as
changed, with the ways to keep or to undo that. Only what clears the filters, or
shows another workspace, leaves it."""

from html.parser import HTMLParser
from typing import Any

import pytest

from controlplane.core.admin.navigation import CHOSEN_VIEW
from controlplane.workspaces.lists import SavableList, all_lists
from tests.clients import default_workspace, other_workspace
from tests.factories import (
    make_letter,
    make_node,
    make_operation,
    make_queue,
    make_task,
    make_view,
)
from tests.integration.admin.world import log_in

pytestmark = pytest.mark.django_db


class Controls(HTMLParser):
    """What leads to the same list with other parameters: links, and the forms of its filters, each
    with the hidden parameters that it sends. What stands in the bar of views is left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []  # address and text
        self.forms: list[dict[str, str]] = []
        self._depth = 0  # of elements in the bar
        self._link = ""
        self._form: dict[str, str] | None = None
        self.feed(html.partition("<main")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "div" and (self._depth or "data-views" in values):
            self._depth += 1
        if self._depth:
            return
        if tag == "a" and values.get("href", "").startswith("?"):
            self._link = values["href"]
        if tag == "form" and values.get("method") == "get" and not values.get("action"):
            self._form = {}
            self.forms.append(self._form)
        if tag == "input" and self._form is not None and values.get("type") == "hidden":
            self._form[values["name"]] = values["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._depth:
            self._depth -= 1
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._link and data.strip():
            self.links.append((self._link, data.strip()))
            self._link = ""


@pytest.fixture
def root(db: None) -> Any:
    other_workspace()
    for state in ("FAILED", "COMPLETED"):
        make_task(state)
    for make in (make_letter, make_node, make_operation, make_queue):
        make()
    return log_in("root", default_workspace(), "admin", is_superuser=True)


@pytest.mark.parametrize("of", all_lists(), ids=lambda of: of.name)
def test_every_control_of_a_list_keeps_the_chosen_view(root: Any, of: SavableList) -> None:
    view = make_view(name="Mine", list_name=of.name, filters={}, is_pinned=True)
    answer = root.get(f"/{of.path}", {CHOSEN_VIEW: str(view.pk)})
    assert answer.status_code == 200, answer
    found = Controls(answer.content.decode())
    assert all(form.get(CHOSEN_VIEW) == str(view.pk) for form in found.forms), found.forms
    lost = {text for url, text in found.links if f"{CHOSEN_VIEW}={view.pk}" not in url}
    # A view is of one workspace.
    leaving = ("Clear", "Show", default_workspace().name, other_workspace().name)
    assert not {text for text in lost if not text.startswith(leaving)}
