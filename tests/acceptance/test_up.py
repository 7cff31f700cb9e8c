"""`manage.py up`, as a person uses it: start, submit, see it done, stop, start again."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from controlplane.embedded import home, postgres, processes, valkey
from controlplane.embedded.processes import free_port
from controlplane.embedded.supervise import MARK
from scaling.fleet.process import MARK as FLEET_MARK
from scaling.fleet.process import PID_MARK

READY = "Ctrl-C stops everything."
READY_SECONDS = 60
STOP_SECONDS = 10


class Up:
    """The command in a process of its own, and what it printed."""

    started: ClassVar[list[subprocess.Popen[bytes]]] = []

    def __init__(self, state: Path, **variables: str) -> None:
        self.output = state / "printed"
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.env = {
            **clean,
            "TASKPLANE_HOME": str(state),
            "TASKPLANE_DOTENV": os.devnull,
            "WORKER_CONCURRENCY": "1",
            **variables,
        }
        # Inherited: a script that starts it with `&` leaves the signal ignored.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=home.PROJECT,
                env=self.env,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.started.append(self.process)
        signal.signal(signal.SIGINT, before)

    def printed(self) -> str:
        return self.output.read_text()

    def wait_until_ready(self) -> None:
        """As far as it can be used, which is before the autoscaler is there."""
        self.wait_until_printed(READY)

    def wait_until_printed(self, text: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while text not in self.printed():
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.05)

    def interrupt(self) -> float:
        """Press Ctrl-C; returns how long it took to end."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS * 2)
        return time.monotonic() - begun


@pytest.fixture
def variables() -> dict[str, str]:
    return {"APP_SERVICE_PORT": str(free_port()), "WORKER_SERVICE_PORT": str(free_port())}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    # Only what a test that failed left behind; the command first, or it would heal the rest.
    while Up.started:
        process = Up.started.pop()
        process.kill()
        process.wait(10)
    for left in processes.marked(MARK, str(tmp_path / "run")):
        processes.end(left, 0)
    valkey.stop(tmp_path)
    postgres.stop(tmp_path)


def call(kept: home.Credentials, method: str, path: str, body: Any = None) -> Any:
    connection = HTTPConnection(kept.url.removeprefix("http://"), timeout=10)
    headers = {"Authorization": f"Bearer {kept.api_key}", "Content-Type": "application/json"}
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status in (200, 201), text
    return json.loads(text)


def elastic(state: Path) -> list[psutil.Process]:
    """The workers that the autoscaler started, their own processes left out."""
    return [
        process
        for process in processes.marked(MARK, str(state / "run"))
        if process.environ().get(PID_MARK) == str(process.pid) and not processes.is_over(process)
    ]


def test_start_submit_stop_and_start_again(state: Path, variables: dict[str, str]) -> None:
    first = Up(state, **variables)
    first.wait_until_ready()
    kept = home.read_credentials(state)
    assert kept is not None
    assert stat.S_IMODE((state / "credentials.env").stat().st_mode) == 0o600
    assert kept.url == f"http://127.0.0.1:{variables['APP_SERVICE_PORT']}"
    for part in ("postgres", "valkey", "database", "app", "dispatcher", "worker"):
        assert f"  {part:<11} ready" in first.printed()
    first.wait_until_printed("  autoscaler  ready     1 to 10 workers, predictive\n")
    assert kept.api_key in first.printed()
    assert kept.admin_password in first.printed()

    task = call(kept, "POST", "/tasks", {"name": "hello", "type": "noop", "payload": {}})
    deadline = time.monotonic() + 10
    while call(kept, "GET", f"/tasks/{task['id']}")["status"] != "COMPLETED":
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert first.interrupt() < STOP_SECONDS
    assert first.process.returncode == 0
    for part in ("app", "dispatcher", "worker", "autoscaler", "valkey", "postgres"):
        assert f"  {part:<11} stopped" in first.printed()
    assert processes.marked(MARK, str(state / "run")) == []

    # With an autoscaler that is off: it runs, and starts no worker.
    second = Up(state, **variables, AUTO_SCALING_ENABLED="false", MIN_WORKERS="2")
    second.wait_until_ready()
    # Shown once, and what was done before is still there.
    assert kept.api_key not in second.printed()
    assert kept.admin_password not in second.printed()
    assert home.read_credentials(state) == kept
    assert call(kept, "GET", f"/tasks/{task['id']}")["status"] == "COMPLETED"
    second.wait_until_printed("  autoscaler  ready     off\n")
    assert elastic(state) == []
    assert second.interrupt() < STOP_SECONDS
    assert second.process.returncode == 0


def test_what_cannot_start_is_one_sentence_and_leaves_nothing(
    state: Path, variables: dict[str, str]
) -> None:
    nowhere = "postgres://someone:hunter2@127.0.0.1:1/name"
    up = Up(state, **variables, DATABASE_URL=nowhere)
    assert up.process.wait(READY_SECONDS) == 2
    last = up.printed().splitlines()[-1]
    assert last.startswith("taskplane: The database cannot be used (connection failed")
    assert "hunter2" not in up.printed()
    assert valkey.pid(state) is None


def wait_for(condition: Callable[[], Any], what: Callable[[], str], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)
    return found


@pytest.mark.nightly
def test_an_autoscaler_that_is_killed_keeps_its_workers(
    state: Path, variables: dict[str, str]
) -> None:
    """The next one takes them over; when everything is killed, the next start ends them."""
    variables |= {"MIN_WORKERS": "2", "AUTO_SCALING_INTERVAL": "1"}
    up = Up(state, **variables)
    up.wait_until_printed("  autoscaler  ready     2 to 10 workers, predictive\n")
    kept = home.read_credentials(state)
    assert kept is not None

    def active_nodes() -> set[int]:
        nodes = call(kept, "GET", "/system/nodes?status=ACTIVE")["data"]
        return {node["id"] for node in nodes}

    wait_for(lambda: len(active_nodes()) == 2, up.printed)
    (worker,) = elastic(state)
    both = active_nodes()

    scalers = [p for p in processes.marked(MARK, str(state / "run")) if "autoscale" in p.cmdline()]
    (scaler,) = scalers
    scaler.kill()
    up.wait_until_printed("  autoscaler  restarted ")
    log = state / "logs" / "autoscaler.log"
    wait_for(lambda: "term=2" in log.read_text(), log.read_text)
    assert active_nodes() == both
    assert [each.pid for each in elastic(state)] == [worker.pid]

    left = processes.marked(MARK, str(state / "run"))
    for process in [psutil.Process(up.process.pid), *left]:
        if process.pid != worker.pid and worker not in process.parents():
            process.kill()
    up.process.wait(10)
    assert not processes.is_over(worker)
    again = Up(state, **variables)
    again.wait_until_ready()
    assert "  leftovers   ended " in again.printed()
    assert processes.is_over(worker)

    (other,) = wait_for(lambda: elastic(state), again.printed)
    key = Path(other.environ()[FLEET_MARK]).stem
    log = state / "logs" / f"worker-{key}.log"
    wait_for(lambda: " ready." in log.read_text(), log.read_text)
    assert again.interrupt() < STOP_SECONDS
    assert again.process.returncode == 0
    assert "  autoscaler  stopped" in again.printed()
    assert processes.is_over(other)
    assert "Warm shutdown" in log.read_text()
