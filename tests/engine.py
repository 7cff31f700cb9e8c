"""Real workers and dispatchers for tests: processes of their own, in the tests' database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import redis
from django.db import connection
from django.db.models import Count

import tests.handlers  # noqa: F401 - registers them here too; workers get them by name
from controlplane.embedded import processes
from tasks_app import wakeups
from tasks_app.models import Task
from tasks_app.states import FINAL
from tasks_app.wakeup_senders import ListSender
from tests.pooler import pooled
from workers.models import Node
from workers.states import NodeState
from workers.wake_up_lists import wake_up_list

ROOT = Path(__file__).resolve().parent.parent
_FINAL = [state.value for state in FINAL]
_LONGEST_REST = 0.06


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
    """Poll until the condition holds; its value. Fails the test with `what` after `timeout` s."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < timeout:
        value = condition()
        if value:
            return value
        # The longer it takes, the less often: each look costs the processor that does the work.
        time.sleep(min(_LONGEST_REST, 0.01 + waited / 20))
    raise AssertionError(f"Timed out after {timeout:g} s: {what}")


class Component:
    """A process of ours, with its output in a file for a failing test to show."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        self._output_from = 0
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.tree = psutil.Process(self.process.pid)

    def children(self) -> list[psutil.Process]:
        """The processes below this one."""
        return self.tree.children(recursive=True)

    def signal_tree(self, number: int) -> None:
        """Send a signal to the process and all below it."""
        for process in [*self.children(), self.tree]:
            with suppress_gone():
                process.send_signal(number)

    def stop(self, timeout: float = 15.0) -> int:
        """SIGTERM, and wait; kills what is left after `timeout` seconds. Its exit code."""
        with suppress_gone():
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.signal_tree(signal.SIGKILL)
            self.process.wait(timeout)
            raise AssertionError(f"It did not stop in {timeout} s:\n{self.output()}") from None

    def kill(self) -> None:
        """kill -9 of the process itself."""
        self.process.kill()
        self.process.wait(10)

    def forget_output(self) -> None:
        """Let `output` begin here."""
        self._output_from = self.log.stat().st_size

    def output(self) -> str:
        """The last of what it printed."""
        return self.log.read_bytes()[self._output_from :].decode(errors="replace")[-6000:]


@contextmanager
def suppress_gone() -> Iterator[None]:
    """A process that has already ended needs no signal."""
    try:
        yield
    except (ProcessLookupError, psutil.NoSuchProcess):
        return


class Engine:
    """Starts components for one test and ends them all after it."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env = {
            **pooled(env, folder),
            "HEARTBEAT_INTERVAL": "300",
            "TASKPLANE_LEASE_SECONDS": "2",
            "CANCEL_GRACE_SECONDS": "1.5",
            "TIMEOUT_GRACE_SECONDS": "0.5",
            "SHUTDOWN_GRACE_SECONDS": "3",
            "WORKER_SERVICE_PORT": str(20_000 + os.getpid() % 20_000),
            "TASKPLANE_PROCESSORS": "tests.handlers",
        }
        self._folder = folder
        self._started: list[Component] = []
        self.apps: list[Component] = []

    def worker(
        self, *options: str, concurrency: int = 2, ready: bool = True, **env: str
    ) -> Component:
        """A worker; with `ready`, waits until it takes work."""
        # By id: another one may be found dead while this one starts.
        before = list(Node.objects.values_list("id", flat=True))
        component = self._start(["worker", "--concurrency", str(concurrency), *options], env)
        if ready:
            active = Node.objects.filter(state=NodeState.ACTIVE).exclude(id__in=before)
            self.wait(active.exists, "an active node")
        return component

    def dispatcher(self, **env: str) -> Component:
        return self._start(["dispatch"], env)

    def autoscaler(self, **env: str) -> Component:
        """An autoscaler that starts its workers as processes."""
        return self._start(["autoscale"], {"AUTO_SCALING_BACKEND": "process", **env})

    def app(self, **env: str) -> str:
        """The HTTP service; its address, once it answers."""
        port = processes.free_port()
        component = Component(
            [str(ROOT / "manage.py"), "serve", "--port", str(port)],
            {**self.env, **env},
            self._folder / f"{len(self._started)}-app.log",
        )
        self._started.append(component)
        self.apps.append(component)
        url = f"http://127.0.0.1:{port}"

        # One client for all attempts: to make one takes longer than to ask.
        with httpx.Client() as client:

            def answers() -> bool:
                with suppress(httpx.TransportError):
                    return client.get(f"{url}/health/live").status_code == 200
                return False

            # On a busy machine a start is slow.
            self.wait(answers, "the app service", timeout=90.0)
        return url

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
        """As wait_until; a failure shows what the components printed, and what waits."""
        try:
            return wait_until(condition, what, timeout)
        except AssertionError as error:
            outputs = "\n".join(f"--- {c.log.name}\n{c.output()}" for c in self._started)
            raise AssertionError(f"{error}\n{self._describe()}\n{outputs}") from None

    def wait_for(self, task_id: UUID, timeout: float = 30.0, *, state: str | None = None) -> Task:
        """The task once it has ended, or is in `state`."""
        wanted = [state] if state else _FINAL
        task: Task = self.wait(
            lambda: Task.objects.filter(id=task_id, state__in=wanted).first(),
            f"task {task_id} in {wanted}",
            timeout,
        )
        return task

    def wait_for_all(self, ids: list[UUID], timeout: float = 60.0) -> None:
        """Wait until every one of these tasks has ended."""
        self.wait(
            lambda: not Task.objects.filter(id__in=ids).exclude(state__in=_FINAL).exists(),
            f"the end of {len(ids)} tasks",
            timeout,
        )

    def end(self) -> None:
        """End them all: at once, or under coverage as a process manager does, since a process that
        is killed cannot say what it ran."""
        running = [c for c in self._started if c.process.poll() is None]
        for component in running:
            component.signal_tree(signal.SIGCONT)
        if "COVERAGE_PROCESS_CONFIG" in os.environ:
            for component in running:
                component.process.terminate()
            psutil.wait_procs([component.tree for component in running], timeout=15)
        for component in running:
            if component.process.poll() is None:
                component.signal_tree(signal.SIGKILL)
                component.process.wait(10)

    def _describe(self) -> str:
        """Tasks and nodes by state, and where wake-ups are: in a list, or with whom that waits."""
        tasks = Task.objects.values_list("queue__name", "state").annotate(Count("id"))
        nodes = Node.objects.values_list("pid", "state")
        try:
            wake_ups = self._describe_wake_ups()
        except redis.RedisError as error:
            wake_ups = f"Redis does not answer: {error}"
        sender = wakeups._notifier._sender
        address = sender._broker.as_uri() if isinstance(sender, ListSender) else sender
        return (
            f"tasks {list(tasks)}\nnodes {list(nodes)}\n"
            f"this process: sends wake-ups to {address}, in a transaction: "
            f"{connection.in_atomic_block}\n{wake_ups}"
        )

    def _describe_wake_ups(self) -> str:
        host, port = self.env["REDIS_HOST"], int(self.env["REDIS_PORT"])
        with redis.Redis(host=host, port=port, socket_timeout=2, decode_responses=True) as client:
            names = client.keys(f"{wake_up_list('')}*")
            lists = {name: client.lrange(name, 0, -1) for name in names}
            clients = [(each["addr"], each["cmd"], each["age"]) for each in client.client_list()]
        owners = {
            f"{address.laddr.ip}:{address.laddr.port}": process.pid
            for component in self._started
            if component.process.poll() is None
            for process in [component.tree, *component.children()]
            for address in process.net_connections()
        }
        named = [(owners.get(address, "nobody here"), *rest) for address, *rest in clients]
        return f"wake-ups {lists}\nclients of Redis (process, command, age) {named}"

    def _start(self, arguments: list[str], env: dict[str, str]) -> Component:
        log = self._folder / f"{len(self._started)}-{arguments[0]}.log"
        component = Component([str(ROOT / "manage.py"), *arguments], {**self.env, **env}, log)
        self._started.append(component)
        return component
