"""A proxy in front serves the installation below a path, which it strips or keeps."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import RequestFactory
from django.test.utils import override_script_prefix

from controlplane.core.http.parts import only_health
from controlplane.core.http.pathprefix import below_prefix, make_address, path_within

PREFIX = "/task/plane"


@pytest.mark.parametrize("prefix", [None, PREFIX])
@pytest.mark.parametrize("path", ["/", "/tasks", "/ws/live"])
def test_the_path_of_a_scope_is_without_the_prefix(
    settings: Any, prefix: str | None, path: str
) -> None:
    settings.FORCE_SCRIPT_NAME = prefix
    assert path_within({"path": path}) == path
    assert path_within({"path": f"{prefix or ''}{path}"}) == path
    if prefix is None:
        assert path_within({"path": f"{PREFIX}{path}", "root_path": PREFIX}) == path


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/admin/", f"{PREFIX}/admin/"),
        (f"{PREFIX}/admin/", f"{PREFIX}/admin/"),
        ("/task/planes", f"{PREFIX}/task/planes"),
        (PREFIX, PREFIX),
    ],
)
def test_every_path_has_the_prefix(settings: Any, path: str, seen: str) -> None:
    paths: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        paths.append(scope["path"])

    settings.FORCE_SCRIPT_NAME = PREFIX
    async_to_sync(below_prefix(app))({"path": path}, None, None)
    assert paths == [seen]
    settings.FORCE_SCRIPT_NAME = None
    assert below_prefix(app) is app


def test_an_address_has_the_prefix() -> None:
    request = RequestFactory().get("/admin/")
    assert make_address(request, "tasks") == "http://testserver/tasks"
    with override_script_prefix(f"{PREFIX}/"):
        assert make_address(request, "tasks") == f"http://testserver{PREFIX}/tasks"
        assert make_address(request) == f"http://testserver{PREFIX}/"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), (f"{PREFIX}/health/ready", 200), ("/tasks", 404), (f"{PREFIX}/tasks", 404)],
)
def test_a_process_for_sockets_answers_health_checks_only(
    settings: Any, path: str, status: int
) -> None:
    settings.FORCE_SCRIPT_NAME = PREFIX
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    async_to_sync(only_health(app))({"type": "http", "path": path}, None, send)  # type: ignore[arg-type] # nothing is read
    assert sent[0]["status"] == status
