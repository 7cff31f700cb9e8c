"""The interface between a scenario and a system."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks import marks
from benchmarks.processes import Component, run_job
from benchmarks.servers import Servers
from benchmarks.systems.app import App

SLOTS = 2
_LATEST = 180.0  # seconds after which work that does not end is given up


class RecordError(Exception):
    """The work is done, but its record is wrong."""


class System(ABC):
    """One column of the table."""

    key: str
    title: str

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.marks: Path = servers.state / f"marks-{self.key}"

    @abstractmethod
    def env(self) -> dict[str, str]:
        """The environment of all its processes."""

    @abstractmethod
    def prepare(self) -> None:
        """Create what it needs, once."""

    @abstractmethod
    def empty(self) -> None:
        """Remove all tasks and their records; no worker is running."""

    def reset(self) -> None:
        """A fresh start for the next measurement."""
        self.empty()
        marks.clear(self.marks)
        self.servers.checkpoint()


class HttpSystem(System):
    """A system that takes tasks over HTTP."""

    @abstractmethod
    def app(self) -> AbstractContextManager[App]:
        """The app service, answering, while the block lasts."""

    @abstractmethod
    def newest_task(self) -> str:
        """The id of a task that exists."""

    @abstractmethod
    def verify_accepted(self, count: int) -> None:
        """Check that exactly `count` tasks are kept, and will run. Raises RecordError."""


class WorkerSystem(System):
    """A system that is given tasks in Python, and runs them."""

    producer: str  # its name in benchmarks.producer
    size: int  # its place in the tuples of Sizes

    @abstractmethod
    def worker(self) -> AbstractContextManager[Component]:
        """A worker with two slots, while the block lasts."""

    @abstractmethod
    def await_end(self, count: int, worker: Component) -> float:
        """Wait until `count` tasks have ended. Returns seconds from the first start to the last
        end."""

    @abstractmethod
    def verify(self, count: int) -> None:
        """Check that exactly `count` tasks ran, each once. Raises RecordError."""

    def produce(self, job: str, **options: Any) -> dict[str, Any]:
        """Run a job of benchmarks.producer for this system."""
        arguments = ["-m", "benchmarks.producer", self.producer, job]
        for name, value in options.items():
            arguments += [f"--{name}", str(value)]
        result: dict[str, Any] = run_job(arguments, self.env())
        return result

    def await_stamps(self, count: int, worker: Component) -> dict[int, float]:
        """Wait until `count` tasks of the kind `stamp` have started. Returns their times."""

        def all_started() -> bool:
            worker.require_alive()
            return len(marks.read_stamps(self.marks)) >= count

        marks.wait_until(all_started, f"{count} starts in {self.title}", seconds=_LATEST)
        return marks.read_stamps(self.marks)
