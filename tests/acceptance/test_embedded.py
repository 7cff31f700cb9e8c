"""The embedded servers: what they promise, and one sentence for each way they can be broken."""

import os
import pwd
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from controlplane import embedded
from controlplane.embedded import home, postgres, processes, serviceuser, valkey


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.stop_all(tmp_path)


def test_postgres_is_durable_private_and_keeps_its_data(state: Path) -> None:
    url = embedded.ensure_postgres(state)
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in [
            ("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "127.0.0.1"),
            ("max_connections", "200"), ("TimeZone", "UTC"), ("server_encoding", "UTF8"),
        ]:  # fmt: skip
            shown = connection.execute(f"SHOW {name}").fetchone()
            assert shown == (value,), name
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert postgres.stop(state) is True
    assert postgres.stop(state) is False
    # The same address again: processes that stored it can still connect.
    assert embedded.ensure_postgres(state) == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


@pytest.fixture
def short_state() -> Iterator[Path]:
    """Where the path of a socket fits into the 107 bytes that the system allows."""
    with tempfile.TemporaryDirectory(prefix="tp-", dir="/tmp") as folder:
        state = Path(folder)
        yield state
        embedded.stop_all(state)


def test_postgres_wants_the_password(short_state: Path) -> None:
    state = short_state
    assert embedded.postgres_local_url(state) is None
    url = embedded.ensure_postgres(state)
    by_socket = embedded.postgres_local_url(state)
    assert by_socket is not None
    for address in (url, by_socket):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(address, password="wrong")
    with psycopg.connect(by_socket) as connection:
        assert connection.execute("SELECT inet_server_addr()").fetchone() == (None,)
    assert stat.S_IMODE((state / "postgres.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["p" * 90, "o'clock", "a,b"])
def test_without_a_unix_socket_postgres_listens_on_loopback_alone(
    tmp_path: Path, name: str
) -> None:
    home.ensure_folder(tmp_path / name)
    assert postgres._socket_folder(tmp_path / name) == ""


def test_valkey_refuses_rather_than_forgets(state: Path) -> None:
    host, port = embedded.ensure_valkey(state)
    client = redis.Redis(host=host, port=port)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("save") == {"save": ""}
    assert embedded.ensure_valkey(state) == (host, port)
    assert valkey.stop(state) is True
    assert valkey.stop(state) is False


def test_require_running_says_what_to_do(state: Path) -> None:
    with pytest.raises(embedded.EmbeddedError, match=r"Postgres and Valkey .*\./scripts/up"):
        embedded.require_running(state=state)
    embedded.ensure_valkey(state)
    with pytest.raises(embedded.EmbeddedError, match="^Postgres of this project is not running"):
        embedded.require_running(state=state)
    embedded.require_running(postgres=False, state=state)


def test_a_port_that_another_process_took_is_given_up(state: Path) -> None:
    url, (host, port) = embedded.ensure_postgres(state), embedded.ensure_valkey(state)
    embedded.stop_all(state)
    with socket.create_server((host, port)), socket.create_server((host, int(url[-15:-10]))):
        assert embedded.ensure_postgres(state) != url
        assert embedded.ensure_valkey(state) != (host, port)
    embedded.require_running(state=state)


def test_a_broken_data_directory_is_one_sentence(state: Path) -> None:
    embedded.ensure_postgres(state)
    postgres.stop(state)
    (state / "postgres" / "data" / "PG_VERSION").write_text("not a version\n")
    with pytest.raises(embedded.EmbeddedError) as caught:
        embedded.ensure_postgres(state)
    assert str(state / "postgres") in str(caught.value)
    assert "move it away to start with an empty database" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_data_directory_without_its_configuration_is_one_sentence(state: Path) -> None:
    embedded.ensure_postgres(state)
    postgres.stop(state)
    (state / "postgres" / "data" / "postgresql.conf").unlink()
    with pytest.raises(embedded.EmbeddedError, match="cannot be started .*move it away"):
        embedded.ensure_postgres(state)


def test_a_lost_password_file_is_one_sentence(state: Path) -> None:
    embedded.ensure_postgres(state)
    postgres.stop(state)
    (state / "postgres.json").unlink()
    with pytest.raises(embedded.EmbeddedError, match=r"postgres\.json is missing"):
        embedded.ensure_postgres(state)


def test_a_data_directory_of_another_user_is_one_sentence(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.ensure_postgres(state)
    postgres.stop(state)
    owner = (state / "postgres" / "data").stat().st_uid
    other = next(user for user in pwd.getpwall() if user.pw_uid not in (owner, os.geteuid()))
    monkeypatch.setattr(serviceuser, "service_user", lambda: other)
    monkeypatch.setattr(serviceuser, "give", lambda path, user: None)
    with pytest.raises(embedded.EmbeddedError, match="belongs to another user"):
        embedded.ensure_postgres(state)


def test_a_start_that_was_killed_half_way_is_made_good(state: Path) -> None:
    unfinished = state / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    embedded.ensure_postgres(state)
    assert not unfinished.exists()


def test_a_killed_server_leaves_nothing_that_stops_the_next(state: Path) -> None:
    embedded.ensure_postgres(state)
    embedded.ensure_valkey(state)
    for server in (postgres, valkey):
        pid = server.pid(state)
        assert pid is not None
        psutil.Process(pid).kill()
        while server.pid(state) is not None:
            time.sleep(0.02)
    deadline = time.monotonic() + 15
    while True:
        try:
            embedded.ensure_postgres(state)
            break
        except embedded.EmbeddedError:
            # The killed server's own children need a moment to notice and to end.
            assert time.monotonic() < deadline
            time.sleep(0.2)
    embedded.ensure_valkey(state)
    embedded.require_running(state=state)


def test_a_pid_that_belongs_to_another_program_is_never_taken_for_ours(state: Path) -> None:
    embedded.ensure_valkey(state)
    valkey.stop(state)
    (state / "valkey" / "valkey.pid").write_text(f"{os.getpid()}\n")
    assert valkey.pid(state) is None
    assert valkey.stop(state) is False
    assert processes.find(os.getpid(), name="postgres", mentions="data") is None


def test_root_never_runs_the_servers_as_root(state: Path) -> None:
    embedded.ensure_postgres(state)
    embedded.ensure_valkey(state)
    for server in (postgres, valkey):
        pid = server.pid(state)
        assert pid is not None
        assert psutil.Process(pid).uids().real != 0


def test_the_service_user_may_pass_a_private_folder_but_not_look_into_it(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    user = serviceuser.service_user()
    if user is None:
        # Not root: the servers run as this user, and no folder is opened for anybody.
        serviceuser.let_reach(private / "data", None)
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        return
    serviceuser.let_reach(private / "data", user)
    other = next(u for u in pwd.getpwall() if u.pw_uid not in (0, user.pw_uid))
    assert serviceuser._may_pass(private, user)
    assert not serviceuser._may_pass(private, other)
    assert private.stat().st_mode & stat.S_IRWXO == 0
    serviceuser.let_reach(private / "data", user)


def test_a_secret_is_written_whole_and_for_this_user_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    home.write_private(path, "one")
    home.write_private(path, "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
    path.write_text("{ cut sho")
    assert home.read_json(path) == {}
