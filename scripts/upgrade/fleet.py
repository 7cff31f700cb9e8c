"""The processes of a rehearsal, by release."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from controlplane.embedded import processes
from scripts.upgrade.load import Producer
from scripts.upgrade.releases import RehearsalError, Release

_START_SECONDS = 90
_STOP_SECONDS = 30
_HERE = Path(__file__).parent
_ACTIVE = "SELECT count(*) FROM workers_node WHERE state = 'ACTIVE'"


@dataclass
class Component:
    """One process. `address` and `is_ready` are of an app."""

    kind: str
    release: Release
    process: "subprocess.Popen[bytes]"
    log: Path
    address: str = ""

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def end(self) -> int:
        """As a process manager does it; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RehearsalError(f"A {self.kind} did not end in {_STOP_SECONDS} s.") from None

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


class Fleet:
    """Starts and ends components of both releases, against one database and one Redis."""

    def __init__(self, addresses: dict[str, str], folder: Path, traces: Path) -> None:
        shutil.copy(_HERE / "processors.py", folder / "upgrade_processors.py")
        self._url = addresses["DATABASE_URL"]
        self._folder = folder
        self._env = {
            **addresses,
            "TASKPLANE_DOTENV": os.devnull,
            "TASKPLANE_ENV": "dev",
            "TASKPLANE_PROCESSORS": "upgrade_processors",
            "TASKPLANE_REHEARSAL_FOLDER": str(folder),
            "TASKPLANE_REHEARSAL_TRACES": str(traces),
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
            "TASKPLANE_LEASE_SECONDS": "5",
            "HEARTBEAT_INTERVAL": "500",
            "SHUTDOWN_GRACE_SECONDS": "3",
            "WORKER_SERVICE_PORT": str(20_000 + os.getpid() % 20_000),
            "LOG_LEVEL": "WARNING",
        }
        self._components: list[Component] = []
        self._producers: list[tuple[Release, Producer]] = []
        self._ended_producers: list[Producer] = []
        self._count = 0

    def manage(self, release: Release, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Raises RehearsalError."""
        return release.manage(self._env_of(release), *arguments)

    def make_key(self, release: Release) -> str:
        """An API key of an administrator."""
        options = ("create", "rehearsal", "--role", "admin", "--json")
        return str(json.loads(self.manage(release, "apikeys", *options).stdout)["key"])

    def start_all(self, release: Release, workers: int) -> None:
        """What of the release does not run yet: workers, a dispatcher, an app; until all are
        ready."""
        running = [each.kind for each in self._components if each.release == release]
        for _ in range(workers - running.count("worker")):
            self.start_worker(release)
        if "dispatch" not in running:
            self._start(release, "dispatch")
        if "serve" not in running:
            self.start_app(release)
        self._wait_until(self.all_ready, "components that are ready")

    def start_worker(self, release: Release) -> Component:
        return self._start(release, "worker", "--concurrency", "2")

    def start_app(self, release: Release, *, is_ready: bool = True) -> Component:
        """An app, once it answers; with `is_ready`, once it is ready."""
        port = processes.free_port()
        app = self._start(release, "serve", "--port", str(port))
        app.address = f"http://127.0.0.1:{port}"
        path = "/health/ready" if is_ready else "/health/live"
        self._wait_until(lambda: self.ask(app, path)[0] == 200, "an app")
        return app

    def ask(self, app: Component, path: str) -> tuple[int, str]:
        """Status and body of a GET; (0, "") while nobody answers."""
        try:
            with urllib.request.urlopen(f"{app.address}{path}", timeout=5) as response:  # noqa: S310 - loopback
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def start_producer(self, release: Release, per_second: float) -> None:
        self._count += 1
        output = self._folder / f"{self._count:02}-{release.name}-producer.log"
        arguments = [str(_HERE / "producer.py"), str(per_second)]
        process = release.start(self._env_of(release), arguments, output)
        self._producers.append((release, Producer(process, output)))

    def end_producers(self, release: Release | None = None) -> None:
        """Those of a release; of all releases when none is named."""
        for owner, producer in list(self._producers):
            if release in (None, owner):
                producer.end()
                self._producers.remove((owner, producer))
                self._ended_producers.append(producer)

    def produced(self) -> list[str]:
        return [task for producer in self._ended_producers for task in producer.tasks()]

    def apps(self, without: Release | None = None) -> list[str]:
        return [
            each.address for each in self._components if each.address and each.release != without
        ]

    def end_release(self, release: Release) -> list[int]:
        """End its workers, then its dispatchers and apps, one after the other; their exit codes."""
        mine = [each for each in self._components if each.release == release]
        mine.sort(key=lambda each: ("worker", "dispatch", "serve").index(each.kind))
        codes = []
        for component in mine:
            codes.append(component.end())
            self._components.remove(component)
        return codes

    def all_ready(self) -> bool:
        """Whether every worker takes work, and every app wants requests."""
        workers = sum(each.kind == "worker" for each in self._components)
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute(_ACTIVE).fetchone()
        if row is None or row[0] < workers:
            return False
        apps = [each for each in self._components if each.address]
        return all(self.ask(app, "/health/ready")[0] == 200 for app in apps)

    def check(self) -> None:
        """Raises RehearsalError: a component has ended by itself."""
        for each in self._components:
            if each.process.poll() is not None:
                raise RehearsalError(
                    f"A {each.kind} of {each.release.name} ended with "
                    f"{each.process.returncode}: {each.output()[-1_500:]}"
                )

    def end(self) -> None:
        """Kill what still runs."""
        for _, producer in self._producers:
            producer.kill()
        for component in self._components:
            component.kill()

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while not condition():
            self.check()
            if time.monotonic() > give_up:
                outputs = "\n".join(f"{c.log.name}: {c.output()[-500:]}" for c in self._components)
                raise RehearsalError(f"{what}: not within {_START_SECONDS} s\n{outputs}")
            time.sleep(0.05)

    def _start(self, release: Release, command: str, *options: str) -> Component:
        self._count += 1
        log = self._folder / f"{self._count:02}-{release.name}-{command}.log"
        arguments = ["manage.py", command, *options]
        process = release.start(self._env_of(release), arguments, log)
        component = Component(command, release, process, log)
        self._components.append(component)
        return component

    def _env_of(self, release: Release) -> dict[str, str]:
        # The files of running workers: a folder for each release.
        return {**self._env, "TASKPLANE_HOME": str(self._folder / f"home-{release.name}")}
