"""The HTTP service without Postgres or Redis: what a client sees, and that nothing needs a
restart."""

import time
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from django.db import connections

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.queries import get_default_workspace_id
from controlplane.workspaces.services import create_api_key, ensure_default_workspace
from controlplane.workspaces.states import Role
from tasks_app.models import Task
from tests.chaos.servers import PrivatePostgres, PrivateValkey
from tests.engine import Engine, wait_until


def client_of(url: str) -> httpx.Client:
    ensure_default_workspace()
    created = create_api_key(
        workspace=Workspace.objects.get(id=get_default_workspace_id()),
        name="outages",
        role=Role.OPERATOR,
        actor=SYSTEM,
    )
    headers = {"Authorization": f"Bearer {created.secret}"}
    return httpx.Client(base_url=url, headers=headers, timeout=15)


def post_noop(client: httpx.Client) -> httpx.Response:
    return client.post("/tasks", json={"type": "noop", "payload": {}})


def test_postgres_away_is_503_and_comes_back_without_a_restart(
    database_chaos: Engine, private_postgres: PrivatePostgres
) -> None:
    with client_of(database_chaos.app()) as client:
        assert post_noop(client).status_code == 201
        connections.close_all()
        private_postgres.stop_at_once()
        refused = [post_noop(client), client.get("/tasks"), client.get("/health/ready")]
        private_postgres.start()
        for answer in refused[:2]:
            assert answer.status_code == 503
            assert answer.headers["content-type"].startswith("application/problem+json")
            assert int(answer.headers["retry-after"]) > 0
        assert refused[2].status_code == 503
        wait_until(lambda: post_noop(client).status_code == 201, "a 201 again", 15)
        connections.close_all()
        assert Task.objects.filter(type="noop").count() == 2  # the outage left nothing half written


@pytest.mark.parametrize("trouble", ["frozen", "gone"])
def test_redis_away_is_201_all_the_same(
    chaos: Engine, private_valkey: PrivateValkey, trouble: str
) -> None:
    chaos.dispatcher()
    chaos.worker(concurrency=1)
    with client_of(chaos.app()) as client:
        chaos.wait_for(UUID(post_noop(client).json()["id"]))
        calm = slowest(lambda: post_noop(client), 40)
        break_it, repair = {
            "frozen": (private_valkey.freeze, private_valkey.thaw),
            "gone": (private_valkey.kill, private_valkey.start),
        }[trouble]
        break_it()
        ids: list[UUID] = []

        def post() -> None:
            answer = post_noop(client)
            assert answer.status_code == 201
            ids.append(UUID(answer.json()["id"]))

        try:
            worst = slowest(post, 150)
            assert client.get("/health").json()["status"] == "degraded"
            assert client.get("/health/ready").status_code == 200
        finally:
            repair()
        print(f"slowest POST: calm {calm * 1000:.0f} ms, Redis {trouble} {worst * 1000:.0f} ms")
        # A wait for Redis would be its time limit of two seconds.
        assert worst < 1.0
        chaos.wait_for_all(ids)


def slowest(call: Callable[[], object], times: int) -> float:
    """The slowest of some calls, in seconds, spread over three seconds."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
        time.sleep(3 / times)
    return max(seconds)
