"""Schedules and their firings in requests and responses. The API calls them jobs and executions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field

from controlplane.core.errors import FieldError
from controlplane.core.schema import Request, Resource, shown
from controlplane.core.schema.fields import Flag, Moment, OneOf, Text, Whole
from controlplane.core.schema.filters import condition
from controlplane.core.schema.values import COMMA, Choices, FilterError, Search, Texts, WholeNumber
from controlplane.core.schema.values import Flag as FlagValue
from controlplane.ops.schedules.states import FiringKind, FiringState, Overlap, SkipReason, Source
from controlplane.ops.schedules.timing import MAX_TEXT_LENGTH
from tasks_app.schema.fields import Attempts, IdempotencyKey, Priority, names_of, optional

MAX_NAME_LENGTH = 150
MAX_TIMEZONE_LENGTH = 100
MAX_CATCH_UP = 1_000
MAX_JITTER_MS = 86_400_000
MAX_PREVIEWED = 100
DEFAULT_PREVIEWED = 10

Name = Annotated[str, Text(MAX_NAME_LENGTH)]
When = Annotated[str, Text(MAX_TEXT_LENGTH)]
_WHEN = "Five cron fields, a name such as `@daily`, `@every 15m`, or a single time."


@dataclass(frozen=True)
class Words(Choices):
    """One or more of the known lower-case words, accepted in any case."""

    def read(self, values: Sequence[Any]) -> tuple[str, ...]:
        """The words. Raises FilterError."""
        found = tuple(value.lower() for value in Texts.read(self, values))
        if not set(found) <= set(self.choices):
            raise FilterError(f"One of {', '.join(self.choices)}.")
        return found


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs: the conditions of `queries.list_schedules`, by its names."""

    search: str = condition("search", Search(200), "A part of the name or of the type.")
    enabled: bool | None = condition("enabled", FlagValue(empty=None), "Only enabled, or paused.")
    sources: tuple[str, ...] = condition("source", Words(choices=tuple(Source.values)), COMMA)
    overlaps: tuple[str, ...] = condition("overlap", Words(choices=tuple(Overlap.values)), COMMA)


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions."""

    states: tuple[str, ...] = condition("status", Choices(choices=tuple(FiringState.values)), COMMA)
    kinds: tuple[str, ...] = condition("kind", Words(choices=tuple(FiringKind.values)), COMMA)


@dataclass(frozen=True, slots=True)
class PreviewFilter:
    """The schedule, and the number of its times."""

    schedule: str = condition(
        "schedule", Search(MAX_TEXT_LENGTH, minimum=1), "As in a job.", is_required=True
    )
    timezone: str = condition("timezone", Search(MAX_TIMEZONE_LENGTH, empty="UTC"), "Default: UTC.")
    count: int | None = condition(
        "count",
        WholeNumber(1, MAX_PREVIEWED),
        f"1 to {MAX_PREVIEWED}, default {DEFAULT_PREVIEWED}.",
    )


class JobChange(Request):
    """Changes to a job."""

    name: Name = optional()
    schedule: When = optional(_WHEN)
    timezone: Annotated[str, Text(MAX_TIMEZONE_LENGTH)] = optional("Such as `Europe/Berlin`.")
    task_type: Annotated[str, Text(200)] | None = Field(
        default=None, description="One of `GET /task-types`; or workflowId."
    )
    workflow_id: UUID | None = Field(default=None, strict=False)
    payload: Any = Field(
        default=None,
        description="The task's payload, valid for its type's schema, or a run's input.",
    )
    enabled: Flag = optional()
    overlap: Annotated[str, OneOf(tuple(Overlap.values))] = optional(
        "What to do while the previous execution has not ended."
    )
    catch_up: Flag = optional("Fire missed times afterwards.")
    catch_up_max: Annotated[int, Whole(1, MAX_CATCH_UP)] = optional(
        "Maximum number of missed times to catch up, the newest ones."
    )
    jitter_ms: Annotated[int, Whole(0, MAX_JITTER_MS)] = optional(
        "Maximum delay of a start, so that not everything starts at once."
    )
    start_at: Moment | None = Field(default=None, description="First time (default: now).")
    end_at: Moment | None = Field(default=None, description="End, not included (default: none).")
    queue: Annotated[str, Text(100)] | None = Field(
        default=None, description="Queue (default: that of the type)."
    )
    priority: Priority = optional("Higher runs first.")
    max_attempts: Attempts | None = Field(
        default=None, description="Maximum attempts of each task (default: those of the type)."
    )

    def cross_check(self) -> Iterable[FieldError]:
        """Something must be given."""
        if not self.model_fields_set:
            yield {"field": "", "message": f"Give at least one of: {names_of(JobChange)}."}

    @property
    def values(self) -> dict[str, Any]:
        """The given values, in the form that `editing` takes."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        given.pop("idempotency_key", None)
        empty = {name: "" for name in ("task_type", "queue") if given.get(name, "") is None}
        return {**given, **empty}


class JobIn(JobChange):
    """A job: its times, and what it starts (`taskType` or `workflowId`)."""

    example: ClassVar[Mapping[str, Any]] = {
        "name": "Nightly sums",
        "schedule": "0 2 * * *",
        "timezone": "Europe/Berlin",
        "taskType": "noop",
        "payload": {},
    }

    name: Name
    schedule: When = Field(description=_WHEN)
    idempotency_key: IdempotencyKey = optional("Or the header Idempotency-Key.")


def _duration_ms(firing: Any) -> int | None:
    if firing.started_at is None or firing.finished_at is None:
        return None
    seconds = (firing.finished_at - firing.started_at).total_seconds()
    return max(0, int(seconds * 1_000 + 0.5))


def _celery_task(schedule: Any) -> str | None:
    if schedule.task_type or schedule.workflow_id:
        return None
    return schedule.periodic_task.task or None


class Execution(Resource):
    """The decision about one nominal time, or about several (`times`), and its result."""

    id: UUID
    scheduled_for: datetime = shown(
        "The nominal time; for a manual execution, the time of the trigger."
    )
    until: datetime | None = shown("The last of the nominal times when there are several.")
    times: int = shown("Number of nominal times that this decision covers.")
    kind: FiringKind
    status: FiringState = shown(source="state")
    skip_reason: SkipReason | None = shown(compute=lambda firing: firing.skip_reason or None)
    detail: str = shown("The decision in a sentence.")
    task_id: UUID | None
    run_id: UUID | None = shown("The workflow run that was started.")
    result: Any = shown(guard="result")
    error: Any = shown(guard="error")
    late_ms: int | None = shown("Time from the nominal time to the decision.")
    duration_ms: int | None = shown("From startedAt to finishedAt.", compute=_duration_ms)
    triggered_by: str | None = shown(
        "Who triggered a manual execution.", compute=lambda firing: firing.triggered_by or None
    )
    created_at: datetime = shown("When it was decided.", source="decided_at")
    started_at: datetime | None
    finished_at: datetime | None


class Job(Resource):
    """A schedule with its times and its last execution."""

    id: UUID = shown(source="schedule.id")
    name: str = shown(source="schedule.name")
    schedule: str = shown(source="view.text")
    timezone: str = shown(source="view.timezone")
    words: str = shown("The schedule for people.", source="view.words")
    problem: str | None = shown(
        "Why it never fires; null if it does.",
        compute=lambda row: row.view.problem or None,
    )
    note: str | None = shown(
        "Why the system paused it, and parts of the schedule that have no effect.",
        compute=lambda row: row.view.note or None,
    )
    task_type: str | None = shown(compute=lambda row: row.schedule.task_type or None)
    workflow_id: UUID | None = shown(source="schedule.workflow_id")
    celery_task: str | None = shown(
        "The Celery task that a periodic task of django-celery-beat sends.",
        compute=lambda row: _celery_task(row.schedule),
    )
    payload: Any = shown(source="schedule.payload", guard="payload")
    enabled: bool = shown(source="view.enabled")
    overlap: Overlap = shown(source="schedule.overlap")
    catch_up: bool = shown(source="schedule.catch_up")
    catch_up_max: int = shown(source="schedule.catch_up_max")
    jitter_ms: int = shown(source="schedule.jitter_ms")
    start_at: datetime | None = shown(source="view.start_at")
    end_at: datetime | None = shown(source="view.end_at")
    queue: str | None = shown(
        "null: that of the type.", compute=lambda row: row.schedule.queue or None
    )
    priority: int = shown(source="schedule.priority")
    max_attempts: int | None = shown(source="schedule.max_attempts")
    next_at: datetime | None = shown("null: never, or paused.", source="schedule.next_at")
    paused_at: datetime | None = shown(source="schedule.paused_at")
    last_execution: Execution | None = shown(source="last")
    success_rate: float | None = shown(
        "Share of successes among the newest hundred that completed or failed, from 0 to 1."
    )
    source: Source = shown(source="schedule.source")
    created_at: datetime = shown(source="schedule.created_at")
    updated_at: datetime = shown(source="schedule.updated_at")
    created_by: str = shown(source="schedule.created_by")


class PreviewTime(Resource):
    """One nominal time."""

    utc: datetime
    local: str = shown(
        "The time in the schedule's zone, with its offset.",
        compute=lambda time: time.local.isoformat(timespec="seconds"),
        json_schema_extra={"format": "date-time"},
    )


class Preview(Resource):
    """The next times, or fewer than requested if there are no more."""

    schedule: str
    timezone: str
    words: str = shown("The schedule for people.")
    note: str | None = shown("Parts of the schedule that have no effect.")
    times: list[PreviewTime]
