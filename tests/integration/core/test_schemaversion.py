"""A component waits for the schema of its release."""

import asyncio
import logging
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from controlplane.core.http.migrated import is_migrated, when_migrated
from controlplane.core.schemaversion import SchemaWatch, list_missing, list_required
from controlplane.live.messages import Code

pytestmark = pytest.mark.django_db(transaction=True)

LAST = MigrationLoader(None).graph.leaf_nodes("tasks_app")[0]


@pytest.fixture
def behind() -> Any:
    """The database has lost the record of a migration, as if it had never been made."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE (app, name) = (%s, %s)", LAST)
    yield
    call_command("migrate", LAST[0], LAST[1], fake=True, verbosity=0)


def test_required_is_what_django_would_migrate() -> None:
    assert list_required() == set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def test_the_made_up_next_release_comes_after_all_of_this_one() -> None:
    first = import_module("tests.next_release.migrations.0001_expand")
    assert first.Migration.dependencies == [LAST]


def test_nothing_is_missing_and_more_than_known_is_no_fault() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('dlq', '0999_next', now())"
        )
    try:
        assert list_missing() == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = '0999_next'")


def test_a_component_waits_and_says_so_once(
    behind: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.core.schemaversion._EVERY_SECONDS", 0.0)
    watch = SchemaWatch("worker")
    with caplog.at_level(logging.WARNING):
        assert [watch.is_ready(), watch.is_ready()] == [False, False]
        call_command("migrate", *LAST, fake=True, verbosity=0)
        assert watch.is_ready()
    waiting, complete = caplog.messages
    assert waiting == (
        "Waiting for `manage.py migrate`, since the schema is older than this release: "
        f"component=worker missing=1 first={'.'.join(LAST)}"
    )
    assert complete == "Schema complete: component=worker"


def test_a_database_that_nobody_has_migrated_lacks_everything() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO aside")
    try:
        assert set(list_missing()) == list_required()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE aside RENAME TO django_migrations")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/health/ready", 200),
        ("/task/plane/health/ready", 200),
        ("/tasks", 503),
        ("/task/plane/tasks", 503),
        ("/admin/", 503),
    ],
)
def test_an_app_answers_only_health_checks(
    behind: None, settings: Any, path: str, status: int
) -> None:
    settings.FORCE_SCRIPT_NAME = "/task/plane"  # a proxy may strip it or keep it
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    scope = {"type": "http", "path": path}
    async_to_sync(when_migrated(app))(scope, None, send)  # type: ignore[arg-type] # nothing is read
    assert sent[0]["status"] == status
    if status == 503:
        assert dict(sent[0]["headers"])[b"retry-after"] == b"5"
        assert b"manage.py migrate" in sent[1]["body"]


def test_a_socket_is_closed_with_the_code_of_what_comes_back(behind: None) -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("The application has a socket before its schema.")

    async def receive() -> Any:
        await asyncio.sleep(0)
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws/live"}
    async_to_sync(when_migrated(app))(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == Code.UNAVAILABLE


def test_a_database_that_does_not_answer_is_not_asked_by_every_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def ask() -> Any:
        asked.append(1)
        raise OperationalError

    monkeypatch.setattr("controlplane.core.schemaversion.list_missing", ask)
    assert [is_migrated(), is_migrated()] == [True, True]
    assert len(asked) == 1
