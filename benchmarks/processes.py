"""Children of a run: started, measured, and ended whatever happens."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import psutil

PROJECT = Path(__file__).resolve().parent.parent
_STOP_SECONDS = 20
_JOB_SECONDS = 300


class ChildError(Exception):
    """A child failed; the message contains the end of its output."""


def family_of(process: psutil.Process) -> list[psutil.Process]:
    """The process with all its descendants."""
    return [process, *process.children(recursive=True)]


class Component:
    """A long-running child with all its descendants. `program` is Python unless another is
    named."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        *,
        program: str = sys.executable,
    ) -> None:
        self.log = log
        self.env = env
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [program, *arguments],
                cwd=PROJECT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.tree = psutil.Process(self._process.pid)

    def cpu_seconds(self) -> float:
        """User and system time of the whole tree so far, also of those of it that have ended."""
        return cpu_seconds(self.tree.pid)

    def pss_bytes(self) -> int:
        """Proportional set size of the whole tree: shared memory counts once in total."""
        return sum(process.memory_full_info().pss for process in family_of(self.tree))

    def require_alive(self) -> None:
        """Raises ChildError when it has ended."""
        if self._process.poll() is not None:
            raise ChildError(f"{self.log.name} ended early:\n{tail(self.log)}")

    def begin_stop(self) -> None:
        """SIGTERM, without waiting."""
        self._process.terminate()

    def stop(self) -> None:
        """SIGTERM; after a while SIGKILL for all of its tree."""
        family = self.tree.children(recursive=True) if self.tree.is_running() else []
        self.begin_stop()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)


@contextmanager
def running(
    arguments: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    *,
    program: str = sys.executable,
) -> Iterator[Component]:
    """A component for as long as the block lasts."""
    component = Component(arguments, env, log, program=program)
    try:
        yield component
    finally:
        component.stop()


def run_job(
    arguments: Sequence[str], env: Mapping[str, str], *, seconds: float = _JOB_SECONDS
) -> Any:
    """Run a short child to its end. Returns the JSON that it printed last. Raises ChildError."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if result.returncode:
        raise ChildError(f"{' '.join(arguments)} failed:\n{result.stderr[-3000:]}")
    lines = result.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else None


class Answering:
    """A child that answers each line of JSON with one. Its errors go to the log."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=PROJECT,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._questions = cast("IO[str]", self._process.stdin)
        self._answers = cast("IO[str]", self._process.stdout)

    def ask(self, question: Any) -> Any:
        """Its answer. Raises ChildError when it has ended."""
        with suppress(BrokenPipeError):
            self._questions.write(json.dumps(question) + "\n")
            self._questions.flush()
        line = self._answers.readline()
        if not line:
            raise ChildError(f"{self._log.name} ended early:\n{tail(self._log)}")
        return json.loads(line)

    def stop(self) -> None:
        """Let it end after its last answer; SIGKILL after a while."""
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@contextmanager
def answering(arguments: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[Answering]:
    """Such a child for as long as the block lasts."""
    child = Answering(arguments, env, log)
    try:
        yield child
    finally:
        child.stop()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants so far, also of those that have
    ended: their parent inherits it."""
    process = psutil.Process(pid)
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(member.cpu_times()[:4])
    return total


def tail(path: Path) -> str:
    return path.read_text(errors="replace")[-3000:]
