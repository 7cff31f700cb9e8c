"""Orders of the list of tasks that no index gives."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tasks_app.admin import listpage
from tasks_app.queries import sortwindow
from tests.clients import other_workspace
from tests.factories import make_task

pytestmark = pytest.mark.django_db
TASKS = reverse("admin:tasks_app_task_changelist")
NOTE = "The newest 3 of them are sorted"


@pytest.fixture(autouse=True)
def few_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sortwindow, "SORTED_AT_ONCE", 3)
    monkeypatch.setattr(listpage, "SORTED_AT_ONCE", 3)


@pytest.fixture
def show(root: Client) -> Callable[[str], tuple[list[str], bool]]:
    """The names of the tasks that a query lists, and whether the page says that some are left
    out."""

    def names_of(query: str) -> tuple[list[str], bool]:
        page = root.get(f"{TASKS}?{query}").content.decode()
        rows = "".join(re.findall(r"<tr.*?</tr>", page, re.DOTALL))
        return re.findall(r"job-\d", rows), NOTE in page

    return names_of


def unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("sort", ["name", "type", "priority"])
def test_an_order_without_an_index_is_that_of_the_newest(
    show: Callable[[str], tuple[list[str], bool]], sort: str
) -> None:
    for number in (4, 3, 2, 1, 0):
        make_task(name=f"job-{number}", type=f"type-{number}", priority=number)
    names, is_cut = show(f"sort={sort}")
    assert (unique(names), is_cut) == (["job-0", "job-1", "job-2"], True)
    names, is_cut = show(f"sort={sort}&type=type-4,type-3")
    assert (unique(names), is_cut) == (["job-3", "job-4"], False)
    names, is_cut = show("")
    assert (len(unique(names)), is_cut) == (5, False)


def test_what_waits_in_one_queue_is_in_the_order_of_all_priorities(
    show: Callable[[str], tuple[list[str], bool]],
) -> None:
    for number in (4, 3, 2, 1, 0):
        make_task(name=f"job-{number}", priority=number, queue="mail")
    names, is_cut = show("sort=-priority&status=PENDING&queue=mail")
    assert (unique(names)[0], len(unique(names)), is_cut) == ("job-4", 5, False)


def test_an_index_has_the_longest_tasks_of_one_workspace(
    show: Callable[[str], tuple[list[str], bool]],
) -> None:
    for number in range(5):
        make_task("COMPLETED", name=f"job-{number}")
    assert not show("sort=-durationMs")[1]
    assert show("sort=durationMs")[1]
    other_workspace()
    assert show("sort=-durationMs")[1]
    assert not show("sort=-durationMs&workspace=default")[1]
