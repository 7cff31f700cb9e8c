"""The corpus at the doors: a text is taken as it is, or refused by a sentence that names the field.
JSON that cannot be kept is in test_json_doors.py."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.core.safetext import LineFormatter
from tests.clients import default_workspace, key_client
from tests.corpus import TEXTS
from tests.factories import make_leader, make_letter, make_queue, set_pool
from tests.hostiletext import find_dangers

pytestmark = pytest.mark.django_db

Send = Callable[[APIClient, str], Any]


def send_task(**fields: Any) -> Send:
    return lambda client, text: client.post(
        "/tasks",
        {"type": "noop", **{name: [text] if name == "tags" else text for name in fields}},
    )


def discard(client: APIClient, text: str) -> Any:
    letter = make_letter()
    return client.post(
        "/dlq/actions", {"action": "discard", "ids": [str(letter.id)], "reason": text}
    )


DOORS: dict[str, Send] = {
    "task name": send_task(name=1),
    "task type": send_task(type=1),
    "task queue": send_task(queue=1),
    "task tags": send_task(tags=1),
    "pause reason": lambda client, text: client.patch(
        "/queues/mail", {"paused": True, "reason": text}
    ),
    "workflow name": lambda client, text: client.post(
        "/workflows", {"name": text, "tasks": [{"key": "a", "type": "noop"}]}
    ),
    "workflow description": lambda client, text: client.post(
        "/workflows",
        {"name": "any", "description": text, "tasks": [{"key": "a", "type": "noop"}]},
    ),
    "step key": lambda client, text: client.post(
        "/workflows", {"name": "any", "tasks": [{"key": text, "type": "noop"}]}
    ),
    "step name": lambda client, text: client.post(
        "/workflows", {"name": "any", "tasks": [{"key": "a", "name": text, "type": "noop"}]}
    ),
    "schedule name": lambda client, text: client.post(
        "/cron/jobs", {"name": text, "schedule": "@daily", "taskType": "noop"}
    ),
    "schedule": lambda client, text: client.post(
        "/cron/jobs", {"name": "any", "schedule": text, "taskType": "noop"}
    ),
    "discard reason": discard,
    "key name": lambda client, text: client.post("/api-keys", {"name": text, "role": "viewer"}),
    "override reason": lambda client, text: client.post(
        "/auto-scaling/scale", {"workers": 2, "reason": text}
    ),
    "stress test name": lambda client, text: client.post(
        "/system/stress-tests", {"name": text, "tasks": 1}
    ),
}


@pytest.fixture(scope="module")
def client(committed_rows: None) -> APIClient:
    make_queue("mail", default_workspace())
    make_leader()
    set_pool(ready=2, backend="docker")
    return key_client("admin")


@pytest.mark.parametrize("door", DOORS)
def test_a_text_is_taken_or_refused_by_a_sentence(client: APIClient, door: str) -> None:
    problems = {}
    codes = set()
    for name, text in TEXTS.items():
        answer = DOORS[door](client, text)
        codes.add(answer.status_code)
        if answer.status_code in (200, 201, 202, 409):
            continue
        body = json.loads(answer.content)
        sentences = [each["message"] for each in body.get("errors") or []] or [body["detail"]]
        unclear = [each for each in sentences if not each.endswith(".") or len(each) > 500]
        unclear += [each for each in sentences if not each.isprintable()]
        if answer.status_code not in (400, 404, 422) or unclear:
            problems[name] = (answer.status_code, unclear)
    assert problems == {}
    has_own_words = door in ("schedule", "task type")  # a list of what there is, not any text
    assert has_own_words or codes - {400, 404, 422}, "no text was taken at all"


@pytest.mark.parametrize("name", TEXTS)
def test_a_log_line_is_one_line(name: str) -> None:
    record = logging.LogRecord("a.b", logging.INFO, "x.py", 1, "Task %s", (TEXTS[name],), None)
    line = LineFormatter("{levelname} {name}: {message}", style="{").format(record)
    assert find_dangers(line) == []
    assert "\n" not in line
