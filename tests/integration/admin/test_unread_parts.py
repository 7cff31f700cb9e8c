"""A part that could not be read does not look like an empty one."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.core.errors import Invalid
from tasks_app.admin import familypage, listpage, queuecharts, queuestate
from tests.factories import make_queue, make_task
from tests.integration.admin.taskpages import TASKS, get

pytestmark = pytest.mark.django_db
TOO_SLOW = "This search takes more than 5 s."


def refuse(*_args: Any, **_options: Any) -> Any:
    raise Invalid(TOO_SLOW)


def test_the_last_hour_of_a_queue(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = reverse("admin:tasks_app_queue_change", args=[make_queue("mail").pk])
    assert get(root, path).count("No attempt ended in the last hour.") == 2
    monkeypatch.setattr(queuestate, "try_lane_figures", lambda *_: ({}, TOO_SLOW))
    page = get(root, path)
    assert "No attempt ended" not in page
    assert "The waits of the last hour could not be read." in page
    assert "The run times of the last hour could not be read." in page


def test_a_longer_span_of_a_queue(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = reverse("admin:tasks_app_queue_change", args=[make_queue("mail").pk])
    shown = f'<span role="alert">{TOO_SLOW}</span>'
    assert shown not in get(root, path, span="6h")
    monkeypatch.setattr(queuecharts, "try_lane_figures", lambda *_: ({}, TOO_SLOW))
    page = get(root, path, span="6h")
    assert shown in page
    assert page.count("No attempt ended in the last hour.") == 2  # that was read


def test_the_family_of_a_task(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{TASKS}{make_task().id}/family/"
    page = get(root, path, side="children")
    assert ("There are none." in page, "0 in all" in page) == (True, True)
    monkeypatch.setattr(familypage, "list_family", refuse)
    page = get(root, path, side="children", q="a")
    assert TOO_SLOW in page
    assert ("There are none." in page, "0 in all" in page) == (False, False)


def test_the_list_of_tasks(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_task()
    monkeypatch.setattr(listpage, "count_matching", refuse)
    answer = root.get(TASKS, {"type": "noop"})
    page = answer.content.decode()
    assert TOO_SLOW in page
    assert "0 tasks." not in page
    assert {tab.count for tab in answer.context["tabs"]} == {None}
