"""The app's database pool and its streamed responses when Postgres is killed."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connections

from tests.chaos.servers import PrivatePostgres
from tests.chaos.test_http_outages import client_of
from tests.engine import Engine, wait_until
from tests.factories import make_large_tasks
from tests.rawhttp import RawClient

POOL = 20


def fill_pool(client: httpx.Client) -> None:
    """Many requests at once, so that the pool grows."""
    with ThreadPoolExecutor(POOL) as threads:
        answers = list(threads.map(lambda _: client.get("/tasks?limit=200"), range(8 * POOL)))
    assert {answer.status_code for answer in answers} == {200}


def test_the_first_request_after_a_restart_of_postgres_works(
    database_chaos: Engine, private_postgres: PrivatePostgres
) -> None:
    with client_of(database_chaos.app()) as client:
        fill_pool(client)
        connections.close_all()
        private_postgres.be_away(2)
        answers = [client.get(path) for path in ("/health/ready", *["/tasks?limit=1"] * POOL)]
        assert {answer.status_code for answer in answers} == {200}


def test_the_first_requests_work_after_an_outage_under_load(
    database_chaos: Engine, private_postgres: PrivatePostgres
) -> None:
    with client_of(database_chaos.app()) as client:
        fill_pool(client)
        connections.close_all()
        private_postgres.stop_at_once()
        until = time.monotonic() + 12  # the pool's own back-off would by then be 8 seconds
        with ThreadPoolExecutor(4) as threads:
            while time.monotonic() < until:
                answers = list(threads.map(lambda _: client.get("/tasks?limit=1"), range(4)))
                assert {answer.status_code for answer in answers} == {503}
        assert client.get("/health/ready").status_code == 503
        private_postgres.start()
        assert {client.get("/tasks?limit=1").status_code for _ in range(10)} == {200}
        wait_until(lambda: client.get("/health/ready").status_code == 200, "readiness", 10)


@pytest.mark.parametrize("format_name", ["csv", "ndjson", "xlsx"])
def test_an_export_that_loses_its_database_is_cut_off(
    database_chaos: Engine, private_postgres: PrivatePostgres, format_name: str
) -> None:
    url = database_chaos.app()
    app = database_chaos.apps[0]
    with client_of(url) as client:
        make_large_tasks(1_000)
        connections.close_all()
        exports = [RawClient(url, receive_buffer=65_536) for _ in range(3)]
        for export in exports:
            key = client.headers["Authorization"]
            export.send(f"GET /tasks/export?format={format_name}", f"Authorization: {key}")
            assert export.read_head()[0] == 200
        private_postgres.stop_at_once()
        with ThreadPoolExecutor(len(exports)) as threads:
            ends = list(threads.map(RawClient.read_to_end, exports))
        for export, (content, is_reset) in zip(exports, ends, strict=True):
            assert is_reset
            assert not content.endswith(b"\r\n0\r\n\r\n")
            export.close()
        private_postgres.start()
        # The sweep that cut them off goes on, and no connection of theirs is missing in the pool.
        assert client.get("/tasks?limit=1").status_code == 200
        assert "already been started" not in app.output()


def test_failed_exports_take_no_connection_with_them(
    database_chaos: Engine, private_postgres: PrivatePostgres
) -> None:
    url = database_chaos.app(EXPORTS_PER_PERSON="50", EXPORTS_PER_PROCESS="50")
    with client_of(url) as client:
        make_large_tasks(500)  # three pieces, of which the kernel takes one
        connections.close_all()
        for _ in range(2):
            exports = [RawClient(url, receive_buffer=65_536) for _ in range(POOL)]
            for export in exports:
                key = client.headers["Authorization"]
                export.send("GET /tasks/export?format=csv", f"Authorization: {key}")
                assert export.read_head()[0] == 200
            private_postgres.stop_at_once()
            # All at once: each goes on, and fails, when its client reads on.
            with ThreadPoolExecutor(len(exports)) as threads:
                ends = list(threads.map(RawClient.read_to_end, exports))
            assert all(is_reset for _, is_reset in ends)
            for export in exports:
                export.close()
            private_postgres.start()
        fill_pool(client)
