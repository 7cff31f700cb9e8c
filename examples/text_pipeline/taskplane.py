"""A Taskplane of the example's own: `manage.py up` in a folder that is removed afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from controlplane.embedded import home, processes

_ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 120
_STOP_SECONDS = 30


class TaskplaneError(RuntimeError):
    """It failed; the message explains the failure."""


class Taskplane:
    """Starts, is killed in part, stops."""

    def __init__(self, folder: Path, *, processors: str) -> None:
        self._folder = folder
        self._home = folder / "home"
        self._log = folder / "taskplane.log"
        self._port = processes.free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._env = {
            # Only the example decides where its data is.
            **{k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_HOST")},
            "TASKPLANE_HOME": str(self._home),
            "TASKPLANE_DOTENV": os.devnull,
            "TASKPLANE_PROCESSORS": processors,
            "APP_SERVICE_PORT": str(self._port),
            "WORKER_SERVICE_PORT": str(processes.free_port()),
            "WORKER_CONCURRENCY": str(os.cpu_count() or 2),
        }

    def start(self) -> None:
        """Start everything and wait until it takes work. Raises TaskplaneError."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(_ROOT / "manage.py"), "up"],
                cwd=_ROOT,
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        give_up = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise TaskplaneError(f"It did not start:\n{self._log.read_text()[-3_000:]}")
            time.sleep(0.2)

    def client(self) -> httpx.Client:
        """A client with the key that the first start made."""
        found = home.read_credentials(self._home)
        if found is None:
            raise TaskplaneError("The start left no credentials.")
        headers = {"Authorization": f"Bearer {found.api_key}"}
        return httpx.Client(base_url=found.url, headers=headers, timeout=30)

    def kill_worker(self) -> list[int]:
        """kill -9 of the worker: its main process, its agent and its pool children; their ids."""
        killed = []
        for process in self._processes():
            if "worker" in process.cmdline()[1:4]:
                for each in [process, *process.children(recursive=True)]:
                    each.send_signal(signal.SIGKILL)
                    killed.append(each.pid)
                return killed
        raise TaskplaneError("There is no worker to kill.")

    def stop(self) -> None:
        """Like Ctrl-C; remaining processes are killed after a while."""
        if self._process is None or self._process.poll() is not None:
            return
        rest = self._processes()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for process in rest:
                process.kill()

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def _processes(self) -> list[psutil.Process]:
        if self._process is None:
            return []
        return psutil.Process(self._process.pid).children(recursive=True)

    def _is_ready(self) -> bool:
        if home.read_credentials(self._home) is None:
            return False
        try:
            answer = httpx.get(f"http://{processes.LOOPBACK}:{self._port}/health/ready", timeout=2)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK
