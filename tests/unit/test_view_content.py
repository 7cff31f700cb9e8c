"""What a view keeps of its list."""

from pathlib import Path

import pytest
from django.http import QueryDict
from django.urls import resolve

from controlplane.core.errors import Invalid, NotFound
from controlplane.ops.savedviews.content import (
    Content,
    api_address,
    describe,
    page_address,
    page_query,
    read_address,
    read_content,
    read_kept,
    read_shipped,
)
from controlplane.workspaces.lists import all_lists, find_list_at, get_list
from dlq.admin.inboxrows import VIEWS
from dlq.listings import INBOX_VIEWS
from tests.corpus import TEXTS

TASKS = get_list("tasks")


def fields_of(error: Invalid) -> list[str]:
    return [each["field"] for each in error.errors]


def test_a_relative_time_stays_relative() -> None:
    content = read_content(TASKS, {"finishedAfter": "1h", "status": "failed"}, "-finishedAt")
    assert content == Content({"finishedAfter": ["1h"], "status": ["FAILED"]}, "-finishedAt")
    query = "finishedAfter=1h&status=FAILED&sort=-finishedAt"
    assert page_address(TASKS, content) == f"/admin/tasks_app/task/?{query}"
    assert api_address(TASKS, content) == f"/tasks?{query}"
    assert describe(TASKS, content) == (
        "finished in the last 1h, state FAILED, sorted by finishedAt, greatest first"
    )


def test_equal_contents_are_equal_however_they_are_written() -> None:
    one = read_address(TASKS, QueryDict("status=RUNNING,FAILED&sort=-createdAt&page=2&saved=x"))
    other = read_address(TASKS, QueryDict("status=FAILED&status=RUNNING&workspace=default"))
    assert one == other == Content({"status": ["FAILED", "RUNNING"]})


@pytest.mark.parametrize(
    ("filters", "sort", "columns", "wrong"),
    [
        ({"colour": "red"}, "", [], ["filters.colour"]),
        ({"status": "BOGUS"}, "", [], ["filters.status"]),
        ({"createdAfter": "yesterday"}, "", [], ["filters.createdAfter"]),
        ({"status": {"a": 1}}, "", [], ["filters.status"]),
        ({"payload..x": "1"}, "", [], ["filters.payload..x"]),
        ({}, "colour", [], ["sort"]),
        ({}, "", ["colour"], ["columns"]),
        ({"type": ["x" * 900] * 10 + ["y" * 900]}, "", [], ["filters"]),
        ({str(number): "x" for number in range(51)}, "", [], ["filters"]),
    ],
)
def test_what_a_list_does_not_have_is_refused_by_name(
    filters: dict[str, object], sort: str, columns: list[str], wrong: list[str]
) -> None:
    if wrong == ["filters"] and "type" in filters:
        filters = {"type": [f"{number}{'x' * 900}" for number in range(10)]}
    with pytest.raises(Invalid) as caught:
        read_content(TASKS, filters, sort, columns)
    assert fields_of(caught.value)[: len(wrong)] == wrong


def test_the_error_of_an_unknown_filter_names_those_that_there_are() -> None:
    with pytest.raises(Invalid, match="Filters: id, status, type"):
        read_content(TASKS, {"colour": "red"})
    with pytest.raises(NotFound, match="Lists: api-keys, audit"):
        get_list("colours")


def test_what_a_list_no_longer_has_is_named_and_the_rest_is_kept() -> None:
    content, problems = read_kept(
        TASKS, {"status": ["FAILED"], "colour": ["red"]}, "-shade", ["type", "hue"]
    )
    assert content == Content({"status": ["FAILED"]}, columns=("type",))
    assert [each["field"] for each in problems] == ["filters.colour", "sort", "columns"]


def test_an_address_with_something_that_no_view_keeps_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        read_address(get_list("schedules"), QueryDict("o=-1&q=mail"))
    assert fields_of(caught.value) == ["o"]


def test_a_page_may_have_names_and_values_of_its_own() -> None:
    schedules = get_list("schedules")
    content = read_address(schedules, QueryDict("periodic_task__enabled__exact=0&q=mail"))
    assert content == Content({"enabled": ["false"], "search": ["mail"]})
    assert page_query(schedules, content) == "periodic_task__enabled__exact=0&q=mail"
    assert api_address(schedules, content) == "/cron/jobs?enabled=false&search=mail"


def test_an_api_without_such_a_filter_has_no_address() -> None:
    queues = get_list("queues")
    assert api_address(queues, read_content(queues, {"show": "paused"})) is None
    inbox = get_list("failures")
    assert api_address(inbox, read_content(inbox, {"show": "mine"})) == (
        "/dlq/groups?state=OPEN,REGRESSED,ACKNOWLEDGED&owner=me,nobody"
    )


@pytest.mark.parametrize(
    ("filters", "address"),
    [
        ({}, "/audit?by=people,keys"),
        ({"by": "all"}, "/audit"),
        ({"by": "system", "door": "api"}, "/audit?by=system&door=api"),
        ({"action": "task.cancel", "createdAfter": "24h"},
         "/audit?by=people,keys&action=task.cancel&createdAfter=24h"),
        ({"targetType": "queue", "targetId": "mail"}, "/audit?targetId=mail&targetType=queue"),
    ],
)  # fmt: skip
def test_the_api_leaves_out_of_the_audit_log_what_the_page_does(
    filters: dict[str, str], address: str
) -> None:
    audit = get_list("audit")
    assert api_address(audit, read_content(audit, filters)) == address


def test_a_view_of_the_audit_log_is_one_that_its_page_can_read() -> None:
    with pytest.raises(Invalid) as caught:
        read_content(get_list("audit"), {"by": ["all", "people"]})
    assert fields_of(caught.value) == ["filters.by"]
    words = describe(get_list("audit"), read_content(get_list("audit"), {"createdAfter": "24h"}))
    assert words == "done in the last 24h"


def test_the_inbox_has_the_views_of_its_page() -> None:
    assert {*INBOX_VIEWS} == {*VIEWS}


@pytest.mark.parametrize("of", list(all_lists()), ids=lambda of: of.name)
def test_every_list_has_a_page_and_its_shipped_views_read_back(of) -> None:  # type: ignore[no-untyped-def] # a parameter
    assert resolve(f"/{of.path}").url_name.endswith("_changelist")
    assert find_list_at(of.path) is of
    for view in of.shipped:
        content = read_shipped(of, view)
        assert content != Content()
        assert view.help.endswith(".")
        assert read_address(of, QueryDict(page_query(of, content))) == content


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_hostile_values_read_back_from_their_address(name: str) -> None:
    text = TEXTS[name][:200]
    try:
        content = read_content(TASKS, {"type": [text], "search": text, "payload.a": text})
    except Invalid:
        return  # refused by the same rules as in the list
    assert read_address(TASKS, QueryDict(page_query(TASKS, content))) == content


def test_every_list_of_the_site_that_can_be_filtered_is_among_them() -> None:
    """A page of the sidebar that is a list has saved views."""
    from controlplane.core.admin.navigation import entries

    pages = {page.url_name for entry in entries() for page in entry.pages}
    lists = {name for name in pages if name.endswith("_changelist")}
    known = {resolve(f"/{of.path}").url_name for of in all_lists()}
    assert lists - known == {
        "auth_group_changelist",
        "auth_user_changelist",
        "scaling_pool_changelist",  # one page, no list
        "workspaces_workspace_changelist",
    }
    assert Path("controlplane/ops/savedviews").is_dir()
