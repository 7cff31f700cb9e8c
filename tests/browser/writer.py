"""Work that goes on while somebody looks: tasks come, run, complete and fail a few times a second,
and their queue is paused now and then."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from django.db import connections

from controlplane.core.sql import DATABASE_ERRORS, is_transient
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind
from tasks_app.models import Task
from tasks_app.rows import ClaimedRow, Outcome
from tasks_app.services import change_queue, submit_task
from tasks_app.specs import TaskSpec
from tasks_app.states import TaskState
from tests.clients import default_workspace
from tests.manual_worker import claim, failure, finish, register_node, success
from workers.models import Node

QUEUE = "moving"
_WRITER = Actor(kind=ActorKind.USER.value, id="0", label="writer", role=None)
_TURN_SECONDS = 0.3
# What waits rises to the one, and falls to the other.
_MOST, _FEWEST = 24, 4
_FAILS = 5  # of how many tasks one does
_PAUSE_EVERY, _PAUSED = 40, 6  # turns
_PATIENCE_SECONDS = 60.0


class Writer(threading.Thread):
    """Writes as a client, a worker and an operator do, by services and with claims, in the queue
    QUEUE of the default workspace."""

    def __init__(self) -> None:
        super().__init__(name="writer", daemon=True)
        self._workspace_id = default_workspace().id
        self._ends = threading.Event()
        self._pen = threading.Lock()
        self._error: BaseException | None = None
        self._node = 0
        self._turns = count(1)
        self._is_rising = True
        self._running: list[ClaimedRow] = []
        self._ended = 0

    def run(self) -> None:
        try:
            while not self._ends.wait(_TURN_SECONDS):
                self._take_turn()
            self._end_running()
        except BaseException as error:  # noqa: BLE001 - raised by check()
            self._error = error
        finally:
            connections.close_all()

    def check(self) -> None:
        """Raise what has ended it too early."""
        if self._error is not None:
            raise AssertionError(f"the writer has ended: {self._error!r}") from self._error

    def end(self) -> None:
        self._ends.set()
        self.join(_PATIENCE_SECONDS)
        assert not self.is_alive(), "the writer does not end"

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing is written inside."""
        with self._pen:
            yield

    def _take_turn(self) -> None:
        try:
            with self._pen:
                self._write(next(self._turns))
        except DATABASE_ERRORS as error:
            # Two who write can be in each other's way, as in an installation.
            if not is_transient(error):
                raise
            connections.close_all()

    def _write(self, turn: int) -> None:
        self._end_running()
        waiting = Task.objects.filter(queue__name=QUEUE, state=TaskState.PENDING).count()
        if waiting <= _FEWEST or waiting >= _MOST:
            self._is_rising = waiting <= _FEWEST
        if self._is_rising:
            spec = TaskSpec(type="noop", name="moving", queue=QUEUE)
            submit_task(workspace_id=self._workspace_id, spec=spec, submitter=_WRITER.as_submitter)
        if not self._is_rising or turn % 3 == 0:
            self._running = claim(self._get_node(), 1 if self._is_rising else 2, QUEUE)
        if turn % _PAUSE_EVERY in (0, _PAUSED):
            self._pause(is_paused=turn % _PAUSE_EVERY == 0)

    def _end_running(self) -> None:
        """What a worker has claimed it runs until the next turn."""
        if self._running:
            finish(self._node, [self._end(claimed) for claimed in self._running])
            self._running = []

    def _end(self, claimed: ClaimedRow) -> Outcome:
        self._ended += 1
        return success(claimed) if self._ended % _FAILS else failure(claimed)

    def _get_node(self) -> int:
        """One that may claim: somebody may have drained the last one."""
        if not Node.objects.filter(id=self._node, state="ACTIVE").exists():
            self._node = register_node("writer")
        return self._node

    def _pause(self, *, is_paused: bool) -> None:
        changes = {"paused": is_paused, "reason": "a test"}
        change_queue(workspace_id=self._workspace_id, name=QUEUE, actor=_WRITER, changes=changes)


@contextmanager
def writing() -> Iterator[Writer]:
    """A writer that works until the end."""
    writer = Writer()
    writer.start()
    try:
        yield writer
    finally:
        writer.end()
    writer.check()
