"""The interface between a handler and the engine."""

from collections.abc import Mapping
from typing import Any, Literal, Never, Protocol
from uuid import UUID

LogLevel = Literal["debug", "info", "warning", "error"]


class Context(Protocol):
    """The first argument of every handler. The same plain calls in sync and async handlers."""

    @property
    def task_id(self) -> UUID:
        """The task's id, the same over all its attempts."""

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""

    @property
    def max_attempts(self) -> int:
        """How many attempts the task may use."""

    @property
    def queue(self) -> str:
        """The name of the queue that the task was submitted to."""

    @property
    def type(self) -> str:
        """The task's type: the name of its processor."""

    @property
    def workspace_id(self) -> UUID:
        """The workspace that the task belongs to."""

    @property
    def idempotency_key(self) -> str:
        """A key for effects in other systems, the same over all attempts of this task.

        Hand it to the system that you write to, so that an attempt repeated after a lost worker
        has its effect once.
        """

    def progress(self, percent: float, message: str | None = None) -> None:
        """Report the progress of the task, 0 to 100. Cheap: call it as often as you like."""

    def log(self, message: str, level: LogLevel = "info", **fields: Any) -> None:
        """Add a line to the task's log. `fields` are JSON values."""

    def is_cancelled(self) -> bool:
        """Whether somebody cancelled this task. Needs no query."""

    def enqueue(
        self,
        type: str,  # noqa: A002 - the word that the API and TaskSpec use
        payload: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> UUID:
        """Submit another task of the same workspace, and return its id.

        `options` are the fields of `tasks_app.specs.TaskSpec`. The task is committed when this
        returns, or with the transaction that the handler has open.

        Raises what submitting raises: an unknown type, a payload that breaks its schema.
        """

    def retry_later(self, seconds: float, reason: str = "") -> Never:
        """End this attempt as failed; the next one starts after `seconds`. Raises RetryLater."""

    def snooze(self, seconds: float, reason: str = "") -> Never:
        """End this attempt without using it up; run again after `seconds`. Raises Snooze."""

    def dependency_results(self) -> Mapping[UUID, Any]:
        """The results of the tasks that this one waited for, by their ids.

        A parent that did not complete (possible with `on_parent_failure="run"`) is not in it.
        """
