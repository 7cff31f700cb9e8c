"""`manage.py views`."""

import pytest

from controlplane.core.console.output import EXIT_NOT_FOUND
from controlplane.ops.savedviews.models import SavedView
from tests.clients import user_client
from tests.factories import make_view
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db


def test_from_a_shipped_view_to_one_of_the_workspace() -> None:
    options = ("--like", "slowest", "--columns", "type,ran", "--pinned")
    made = run("views", "create", "tasks", "Slow mail", *options)
    assert made.code == 0, made.err
    view = SavedView.objects.get()
    assert (view.is_shared, view.is_pinned, view.sort) == (True, True, "-durationMs")
    assert view.filters == {"finishedAfter": ["24h"], "status": ["COMPLETED", "FAILED"]}
    assert f"view {view.id}: Slow mail, of tasks" in made.out
    assert "API: GET /tasks?finishedAfter=24h" in made.out

    changed = run("views", "change", str(view.id), "--filters", '{"queue": "mail"}', "--unpinned",
                  "--sort", "", "--json")  # fmt: skip
    assert changed.json["filters"] == {"queue": ["mail"]}
    assert (changed.json["version"], changed.json["isPinned"], changed.json["sort"]) == (
        2,
        False,
        "",
    )
    assert "Slow mail" in run("views", "list", "--list", "tasks").out
    assert "There is no saved view yet." in run("views", "list", "--list", "queues").out
    assert run("views", "delete", str(view.id), "--yes").code == 0
    assert not SavedView.objects.exists()


def test_private_views_are_not_shown() -> None:
    view = make_view(owner=user_client("operator").user)
    assert run("views", "list", "--json").json == []
    assert run("views", "show", str(view.id)).code == EXIT_NOT_FOUND


def test_the_lists_are_explained_and_errors_name_what_there_is() -> None:
    lists = {each["name"]: each for each in run("views", "lists", "--json").json["lists"]}
    assert "failing-now" in [each["key"] for each in lists["tasks"]["shipped"]]
    assert "dead-letters" in run("views", "lists").out
    assert "Lists: api-keys" in run("views", "create", "colours", "x").err
    assert "Shipped: failing-now" in run("views", "create", "tasks", "x", "--like", "red").err
    wrong = run("views", "create", "tasks", "x", "--filters", '{"colour": 1}')
    assert "Filters: id, status" in wrong.err


def test_a_view_of_a_list_that_is_gone_says_so() -> None:
    view = make_view(list_name="colours", is_shared=True)
    shown = run("views", "show", str(view.id)).out
    assert "no longer known: list: There is no list 'colours' any more." in shown
