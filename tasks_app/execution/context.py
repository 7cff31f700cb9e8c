"""The context that handlers get. Progress and logs are gathered here and written by the engine."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Never, TypeVar
from uuid import UUID

import orjson

from controlplane.core.jsonb import dump_jsonb
from tasks_app.failures import keep_start
from tasks_app.processors.outcomes import RetryLater, Snooze
from tasks_app.processors.retry import RetryPolicy
from tasks_app.rows import ClaimedRow
from workers.slots import InterruptFlag, Slot

_T = TypeVar("_T")

LOG_LINES = 1_000  # of one attempt; what is above is counted, not kept
_LINE_LENGTH = 8_000
FLUSH_SECONDS = 0.5
_LEVELS = ("debug", "info", "warning", "error")


class TaskContext:
    """One attempt's context; see `tasks_app.processors.context.Context` for the meanings."""

    def __init__(self, claim: ClaimedRow, *, queue: str, slot: Slot, index: int) -> None:
        self._claim = claim
        self._slot = slot
        self._index = index
        self._children = 0
        self._dropped = 0
        self._lines = 0
        self._warnings: set[str] | None = None  # made when needed: most tasks have none
        self.queue = queue
        self.percent: float | None = None
        self.logs: list[tuple[datetime, str, str, str]] = []
        self.flush_due = monotonic() + FLUSH_SECONDS
        self.on_report: Any = None  # called after progress and logs, in sync handlers
        # How to run what uses Django's connections, in async handlers.
        self.in_main_thread: Callable[[Callable[[], Any]], Any] | None = None

    @property
    def task_id(self) -> UUID:
        return self._claim.id

    @property
    def claim(self) -> ClaimedRow:
        return self._claim

    @property
    def attempt(self) -> int:
        return self._claim.attempt

    @property
    def max_attempts(self) -> int:
        return self._claim.max_attempts

    @property
    def type(self) -> str:
        return self._claim.type

    @property
    def workspace_id(self) -> UUID:
        return self._claim.workspace_id

    @property
    def idempotency_key(self) -> str:
        return self._claim.idempotency_key or str(self._claim.id)

    def progress(self, percent: float, message: str | None = None) -> None:
        self.percent = min(100.0, max(0.0, float(percent)))
        if message is not None:
            self.log(message)
        self._report()

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        if level not in _LEVELS:
            raise ValueError(f"level must be one of {', '.join(_LEVELS)}: not {level!r}")
        if self._lines >= LOG_LINES:
            self._dropped += 1
            return
        self._lines += 1
        text = keep_start(str(message), _LINE_LENGTH)
        kept = _fields_as_json(fields)
        self.logs.append((datetime.now(UTC), level, text, kept.replace("\\u0000", "\\ufffd")))
        self._report()

    def warn(self, message: str) -> None:
        """Add a line from the engine to the log, once for each text."""
        self._warnings = self._warnings or set()
        if message not in self._warnings:
            self._warnings.add(message)
            self.logs.append((datetime.now(UTC), "warning", message, "{}"))

    def take_logs(self) -> list[tuple[datetime, str, str, str]]:
        """The lines since the last call; at the end also the number of dropped lines."""
        lines, self.logs = self.logs, []
        return lines

    def give_back(self, percent: float | None, lines: list[tuple[datetime, str, str, str]]) -> None:
        """Restore lines and progress that could not be written; newer progress takes precedence."""
        self.percent = percent if self.percent is None else self.percent
        self.logs = lines if self.logs is lines else [*lines, *self.logs]

    def close_logs(self) -> None:
        if self._dropped:
            text = f"{self._dropped} further lines were dropped (limit {LOG_LINES} an attempt)."
            self.logs.append((datetime.now(UTC), "warning", text, "{}"))
            self._dropped = 0

    def is_cancelled(self) -> bool:
        return bool(
            self._slot.flags(self._index) & (InterruptFlag.CANCEL | InterruptFlag.INTERRUPT)
        )

    def enqueue(
        self,
        type: str,  # noqa: A002 - the protocol's name
        payload: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> UUID:
        from controlplane.workspaces.actors import platform_submitter
        from tasks_app.services import submit_task  # services import the engine's models
        from tasks_app.specs import TaskSpec

        self._children += 1
        # The same call in a later attempt must return the first task, not make a second one.
        key = options.pop("idempotency_key", None) or f"{self._claim.id}/{self._children}"
        retry = options.get("retry")
        if isinstance(retry, Mapping):
            options["retry"] = RetryPolicy.from_json(retry)
        spec = TaskSpec(type=type, payload=payload or {}, idempotency_key=key, **options)

        def submit() -> UUID:
            return submit_task(
                workspace_id=self.workspace_id,
                spec=spec,
                on_conflict="new",
                submitter=platform_submitter(f"task {self._claim.id}"),
            )

        return self._outside_running_loop(submit)

    def retry_later(self, seconds: float, reason: str = "") -> Never:
        raise RetryLater(seconds, reason)

    def snooze(self, seconds: float, reason: str = "") -> Never:
        raise Snooze(seconds, reason)

    def dependency_results(self) -> Mapping[UUID, Any]:
        from tasks_app.queries import get_dependency_results  # as in enqueue

        def read() -> Mapping[UUID, Any]:
            return get_dependency_results(self.workspace_id, self.task_id)

        return self._outside_running_loop(read)

    def _outside_running_loop(self, call: Callable[[], _T]) -> _T:
        if self.in_main_thread is None or threading.current_thread() is not threading.main_thread():
            return call()
        result: _T = self.in_main_thread(call)
        return result

    def _report(self) -> None:
        if self.on_report is None or monotonic() < self.flush_due:
            return
        # A handler's own thread only leaves a note: the engine's connection is the main thread's.
        if threading.current_thread() is threading.main_thread():
            self.flush_due = monotonic() + FLUSH_SECONDS
            self.on_report(self)


def _fields_as_json(fields: dict[str, Any]) -> str:
    """The fields of a log line, masked; as one text if they are not JSON, too long, or broken by a
    mask."""
    try:
        text = dump_jsonb(fields, default=str).decode()
    except (TypeError, ValueError):
        text = repr(fields)
    kept = keep_start(text, _LINE_LENGTH)
    if len(text) <= _LINE_LENGTH:
        with suppress(ValueError):
            orjson.loads(kept)
            return kept
    return orjson.dumps({"text": kept}).decode()
