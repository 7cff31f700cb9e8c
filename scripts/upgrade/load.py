"""A steady load: tasks, workflow runs and a schedule by HTTP, tasks from Python. It knows what was
acknowledged, which is what must not be lost.
"""

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

_TIMEOUT_SECONDS = 10
_RETRY_SECONDS = 0.1
_PATIENCE_SECONDS = 60
_RUN_EVERY = 20  # tasks
_WORKFLOW = {
    "name": "upgrade",
    "tasks": [
        {"key": "first", "name": "first", "type": "upgrade-work"},
        {"key": "left", "name": "left", "type": "upgrade-work", "dependsOn": ["first"]},
        {"key": "right", "name": "right", "type": "upgrade-flaky", "dependsOn": ["first"]},
        {"key": "last", "name": "last", "type": "upgrade-work", "dependsOn": ["left", "right"]},
    ],
}
STEPS = 4
SCHEDULE = "each second"
_JOB = {
    "name": SCHEDULE,
    "schedule": "@every 1s",
    "taskType": "upgrade-work",
    "payload": {"ms": 2},
    "overlap": "allow",
    "catchUp": True,
    "catchUpMax": 100,
}


class Client:
    """Calls the apps that there are, as a balancer does: the next one where one does not answer.
    A repeated call has the same idempotency key."""

    def __init__(self, key: str) -> None:
        self.apps: list[str] = []
        self.repeated = 0
        self._key = key
        self._turn = count()

    def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer, once there is one. Raises TimeoutError: no app took it for a minute."""
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": str(uuid4()),
        }
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            apps = self.apps
            app = apps[next(self._turn) % len(apps)]
            url = f"{app}{path}"
            content = json.dumps(body).encode()
            request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - loopback
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - loopback
                    return dict(json.load(response))
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise RuntimeError(f"{path}: {error.code} {error.read()[:500]!r}") from error
            except OSError:
                pass  # the app ends: the next one is asked
            if time.monotonic() > give_up:
                raise TimeoutError(f"{method} {path}: no app took it for {_PATIENCE_SECONDS} s.")
            self.repeated += 1
            time.sleep(_RETRY_SECONDS)


class Load:
    """Begins with `start`, and ends with `end`."""

    def __init__(self, client: Client, *, per_second: float) -> None:
        self.tasks: list[str] = []  # acknowledged
        self.runs: list[str] = []
        self.longest = 0.0  # seconds that one submission took, since it was last set
        self.error: Exception | None = None
        self._client = client
        self._per_second = per_second
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self._workflow = self._client.send("POST", "/workflows", _WORKFLOW)["id"]
        self._job = self._client.send("POST", "/cron/jobs", _JOB)["id"]
        self._thread.start()

    def end(self) -> None:
        """End it. Raises what went wrong in it."""
        self._is_ending.set()
        if self._thread.ident:
            self._thread.join()
        if self.error is not None:
            raise self.error
        self._client.send("PATCH", f"/cron/jobs/{self._job}", {"enabled": False})

    def _work(self) -> None:
        due = time.monotonic()
        for number in count(1):
            if self._is_ending.is_set():
                return
            began = time.monotonic()
            try:
                self._submit(number)
            except Exception as error:  # noqa: BLE001 - `end` raises it in the thread that waits
                self.error = error
                return
            self.longest = max(self.longest, time.monotonic() - began)
            due = max(due + 1 / self._per_second, began)
            time.sleep(max(0.0, due - time.monotonic()))

    def _submit(self, number: int) -> None:
        if number % _RUN_EVERY == 0:
            run = self._client.send("POST", f"/workflows/{self._workflow}/execute", {})
            self.runs.append(run["runId"])
            return
        body: dict[str, Any] = {
            "name": f"upgrade {number}",
            "type": _choose_type(number),
            "payload": {"ms": 5 + number % 40},
            "queue": "default" if number % 3 else "second",
            "retry": {"strategy": "fixed", "baseMs": 200},
        }
        if number % 7 == 0:
            body["delay"] = 300
        if number % 11 == 0:
            body["maxAttempts"] = 2
        self.tasks.append(self._client.send("POST", "/tasks", body)["id"])


def _choose_type(number: int) -> str:
    if number % 11 == 0:
        return "upgrade-doomed"
    return "upgrade-flaky" if number % 5 == 0 else "upgrade-work"


class Producer:
    """A process of one release that submits from Python."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: Path) -> None:
        self._process = process
        self._output = output

    def end(self) -> None:
        self._process.terminate()
        code = self._process.wait(30)
        if code:
            raise RuntimeError(f"A producer ended with {code}: {self._output.read_text()[-1_500:]}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def tasks(self) -> list[str]:
        """Those that were acknowledged: a whole line for each."""
        lines = self._output.read_text().split("\n")[:-1]
        return [line for line in lines if len(line) == 36 and line.count("-") == 4]
