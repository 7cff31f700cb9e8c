"""A context for handlers that are called directly: it remembers what they asked for."""

from collections.abc import Mapping
from typing import Any, Never
from uuid import UUID, uuid4

from tasks_app.processors import Context, RetryLater, Snooze


class RecordingContext:
    """The handler's protocol without an engine behind it."""

    def __init__(self, *, attempt: int = 1, results: Mapping[UUID, Any] | None = None) -> None:
        self.task_id = uuid4()
        self.workspace_id = uuid4()
        self.attempt = attempt
        self.max_attempts = 3
        self.queue = "default"
        self.type = "under-test"
        self.percents: list[float] = []
        self.lines: list[str] = []
        self._results = dict(results or {})

    @property
    def idempotency_key(self) -> str:
        return str(self.task_id)

    def progress(self, percent: float, message: str | None = None) -> None:
        self.percents.append(percent)

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        self.lines.append(f"{level}: {message} {fields}")

    def is_cancelled(self) -> bool:
        return False

    def enqueue(
        self,
        type: str,  # noqa: A002 - the protocol's name
        payload: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> UUID:
        raise AssertionError("none of the handlers under test submits tasks")

    def retry_later(self, seconds: float, reason: str = "") -> Never:
        raise RetryLater(seconds, reason)

    def snooze(self, seconds: float, reason: str = "") -> Never:
        raise Snooze(seconds, reason)

    def dependency_results(self) -> Mapping[UUID, Any]:
        return self._results


_: type[Context] = RecordingContext  # the type checker holds the double to the protocol
