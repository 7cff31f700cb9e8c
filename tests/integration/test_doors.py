"""With a mask at the door, no route shows what users wrote."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.schema import represent
from tasks_app.models import TaskAttempt
from tests.clients import key_client
from tests.factories import (
    make_attempt,
    make_letter,
    make_log,
    make_node,
    make_run,
    make_schedule,
    make_task,
)
from tests.factories.workflows import end_run, end_step

pytestmark = pytest.mark.django_db

SECRET = "kept-to-the-workspace"
# What users wrote is on these, and leaves by `represent_value`.
DOORS = {
    "cron/jobs",
    "cron/jobs/<uuid:id>",
    "dlq/groups",
    "dlq/groups/<str:fingerprint>",
    "dlq/stats",
    "dlq/tasks",
    "dlq/tasks/<uuid:id>",
    "tasks",
    "tasks/<uuid:id>",
    "tasks/<uuid:id>/explain",
    "cron/jobs/export",
    "dlq/groups/export",
    "dlq/tasks/export",
    "tasks/export",
    "workflows/runs/export",
    "workflows/runs",
    "workflows/runs/<uuid:id>",
    "workflows/runs/<uuid:id>/steps/<str:key>",
    "workflows/<uuid:id>/runs",
    "workflows/<uuid:id>/status",
}


class World:
    """Rows whose payloads, results, errors and log lines hold the secret."""

    def __init__(self) -> None:
        error = {"class": "E", "message": SECRET, "traceback": SECRET, "category": "CODE"}
        held = {"key": SECRET}
        make_node()
        self.task = make_task("FAILED", payload=held, error=error)
        make_attempt(self.task, error=error)
        make_log(self.task, SECRET, fields=held)
        make_task("COMPLETED", payload=held, result=held)
        self.letter = make_letter(type="noop", payload=held, error=error)
        self.run = make_run(value=held)
        end_step(self.run.id, "charge", "FAILED", error=error)
        end_run(self.run.id, error={"step": "charge", **error})
        self.schedule = make_schedule(payload=held)

    def path(self, route: str) -> str:
        """The path of a route, with the ids of the rows that it is about."""
        parts: dict[str, Any] = {"tasks": self.task, "dlq": self.letter, "cron": self.schedule}
        about: Any = self.run.workflow if route.startswith("workflows/<") else self.run
        about = parts.get(route.partition("/")[0], about)
        return "/" + (
            route.replace("<uuid:id>", str(about.id))
            .replace("<int:id>", "1")
            .replace("<str:fingerprint>", self.letter.fingerprint)
            .replace("<str:name>", "default")
            .replace("<str:key>", "charge")
        )


def reads(patterns: Any) -> Iterator[str]:
    """The routes of the API that can be read."""
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from () if str(each.pattern) == "admin/" else reads(each.url_patterns)
        elif "^" not in (route := str(each.pattern)):
            view = getattr(each.callback, "view_class", None)
            verbs = getattr(each.callback, "actions", None) or dir(view)
            if "get" in verbs:
                yield route


def text_of(answer: Any) -> str:
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()


def showing(client: APIClient, world: World) -> set[str]:
    """Routes whose answers hold the secret."""
    found = set()
    for route in reads(get_resolver().url_patterns):
        for query in ("", "?format=ndjson") if route.endswith("/export") else ("",):
            if SECRET in text_of(client.get(world.path(route) + query)):
                found.add(route)
    return found


def test_a_mask_at_the_door_is_a_mask_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    client, world = key_client("admin"), World()
    assert TaskAttempt.objects.exists()
    assert showing(client, world) == DOORS
    door = sys.modules[represent.__module__]
    monkeypatch.setattr(door, "represent_value", lambda kind, value, actor: None)
    assert showing(client, world) == set()


def test_exports_and_commands_pass_the_door(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import call_command

    world = World()
    for verb in (("list",), ("show", str(world.task.id))):
        call_command("tasks", *verb, "--json")
        assert SECRET in capsys.readouterr().out
    door = sys.modules[represent.__module__]
    monkeypatch.setattr(door, "represent_value", lambda kind, value, actor: None)
    for verb in (("list",), ("show", str(world.task.id))):
        call_command("tasks", *verb, "--json")
        assert SECRET not in capsys.readouterr().out
