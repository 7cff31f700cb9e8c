"""Requests and responses of the API; `schema` declares the configuration itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from controlplane.core.errors import FieldError
from controlplane.core.schema import Request, Resource, itself, shown
from controlplane.core.schema.fields import Text, Whole
from controlplane.workspaces.states import ActorKind
from scaling.schema import (
    DEFAULT_HOLD_SECONDS,
    MAX_HOLD_SECONDS,
    MAX_REASON_LENGTH,
    MAX_WORKERS,
    NAMES_BY_API,
    SETTINGS,
    Configuration,
    Setting,
)
from scaling.states import EventState, LaunchState, Trigger
from tasks_app.schema.fields import IdempotencyKey

Source = Literal["environment", "changed"]


class ScaleRequest(Request):
    """A manual override: how many workers there should be, and why."""

    example: ClassVar[Mapping[str, Any] | None] = {
        "workers": 3,
        "reason": "The sale begins at noon.",
        "holdSeconds": 3600,
    }

    workers: Annotated[int, Whole(0, MAX_WORKERS)] = Field(
        description="Within minWorkers and maxWorkers."
    )
    reason: Annotated[str, Text(MAX_REASON_LENGTH)]
    hold_seconds: Annotated[int, Whole(1, MAX_HOLD_SECONDS)] | None = Field(
        DEFAULT_HOLD_SECONDS,
        description="Seconds for which the override holds. When null, or while auto-scaling is "
        "off, it holds until it is released.",
    )
    idempotency_key: IdempotencyKey | None = Field(
        None, description="Or the header Idempotency-Key."
    )


class Changes(Request):
    """Changes of the configuration; its fields are those of `scaling.schema.Configuration`."""

    example: ClassVar[Mapping[str, Any] | None] = {
        SETTINGS["max_workers"].api: SETTINGS["max_workers"].default
    }

    @property
    def values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}

    def cross_check(self) -> Iterable[FieldError]:
        if not self.model_fields_set:
            message = f"Give at least one of {', '.join(NAMES_BY_API)}."
            yield FieldError(field="", message=message)


@dataclass(frozen=True)
class _CheckedLater:
    """A value that is documented here. `scaling.configuration` checks it together with the
    environment's values."""

    setting: Setting

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        setting = self.setting
        if setting.choices:
            return {"type": ["string", "null"], "enum": [*setting.choices, None]}
        if setting.kind is bool:
            return {"type": ["boolean", "null"]}
        bounds = {"minimum": setting.minimum, "maximum": setting.maximum}
        if setting.kind is int:
            return {"type": ["integer", "null"], **bounds}
        return {"type": ["number", "null"], "format": "double", **bounds}


def _changed_fields() -> dict[str, Any]:
    return {
        name: (Annotated[Any, _CheckedLater(setting)], Field(None, description=setting.help))
        for name, setting in SETTINGS.items()
    }


def _shown_fields() -> dict[str, Any]:
    return {
        name: (
            Configuration.model_fields[name].annotation,
            shown(setting.help, ge=setting.minimum, le=setting.maximum),
        )
        for name, setting in SETTINGS.items()
    }


ConfigurationChange = create_model(
    "ConfigurationChange",
    __base__=Changes,
    __doc__="Any of the values; null resets one to the environment's.",
    **_changed_fields(),
)

ScalingConfiguration = create_model(
    "ScalingConfiguration",
    __base__=Resource,
    __doc__="The values in force, the source of each, and who changed them last.",
    **_shown_fields(),
    backend=(str, shown("Set by AUTO_SCALING_BACKEND.")),
    version=(int, shown("Increases with each change.")),
    changed_at=(datetime | None, shown()),
    changed_by=(str | None, shown()),
    sources=(
        dict[str, Source],
        shown("Source of each field: the environment, or changed at run time."),
    ),
)


class Metric(Resource):
    """For KEDA and the HPA."""

    value: int = shown("Desired workers; 0 when idle.")


class Victim(Resource):
    """A worker that was chosen to be terminated."""

    node: int | None = shown("Id in `/system/nodes`.")
    name: str
    reason: str


class Launch(Resource):
    """A requested worker."""

    key: str = shown("The back-end's name for it; empty if it has none yet.")
    asked_at: datetime
    ended_at: datetime | None = shown("When it was ready, cancelled or failed.")
    start_ms: int | None = shown(
        "Milliseconds from the request until it was ready; null if it is not.",
        compute=lambda launch: (
            _milliseconds(launch.asked_at, launch.ended_at)
            if launch.state == LaunchState.READY
            else None
        ),
    )
    state: LaunchState
    node_id: int | None
    problem: str | None = shown(compute=lambda launch: launch.problem or None)


class EventActor(Resource):
    """Who decided."""

    kind: ActorKind = shown(source="actor_kind")
    label: str = shown(source="actor_label")


class Event(Resource):
    """A decision on the number of workers, and its result."""

    id: UUID
    at: datetime
    trigger: Trigger
    backend: str
    strategy: str | None = shown(compute=lambda event: event.strategy or None)
    rule: str = shown("Rule that decided the number.")
    constraint: str | None = shown(
        "Why the number differs from the recommended one; null if it does not.",
        compute=lambda event: event.constraint if event.constraint not in ("", "none") else None,
    )
    from_: int = shown("Workers that were ready or starting.", alias="from", source="from_workers")
    recommended: int = shown("Before limits and stabilisation.", source="recommended_workers")
    to: int = shown(source="to_workers")
    sentence: str = shown("The decision in a sentence.")
    state: EventState
    outcome: str | None = shown(
        "The result in a sentence.", compute=lambda event: event.outcome or None
    )
    finished_at: datetime | None
    duration_ms: int | None = shown(
        "Milliseconds from the decision to its end.",
        compute=lambda event: _milliseconds(event.at, event.finished_at),
    )
    victims: list[Victim]
    launches: list[Launch] = shown(compute=lambda event: event.launches.all())
    interrupted_tasks: int = shown("Attempts that ended with a terminated node.")
    actor: EventActor = shown(compute=itself)
    config_version: int


class EventDetail(Event):
    """An event with all inputs of its decision, so that it can be replayed."""

    inputs: dict[str, Any]


class ManualOverride(Resource):
    """A number of workers that a person set."""

    workers: int
    until: datetime | None = shown("When it expires; null means when it is released.")
    by: str


class NextLaunch(Resource):
    """A pause after launches that failed."""

    at: datetime = shown(source="until")
    failures: int = shown("Failed attempts in a row.")
    reason: str


class Status(Resource):
    """State of the fleet and of the control loop."""

    backend: str
    enabled: bool = shown("Whether a strategy decides.")
    is_running: bool = shown("Whether `manage.py autoscale` runs.", source="leader.leads")
    last_seen: datetime | None = shown("When it last ran; null if never.", source="seen_at")
    target: int | None = shown("Desired workers; null: auto-scaling is off.", source="pool.target")
    ready: int = shown(source="pool.ready")
    starting: int = shown(source="pool.starting")
    draining: int = shown(source="pool.draining")
    decided_at: datetime | None = shown(source="pool.decided_at")
    manual: ManualOverride | None
    problem: str | None = shown(
        "Why the number of workers cannot be changed; null if it can.",
        compute=lambda status: status.problem or None,
    )
    startup_seconds: float | None = shown(
        "Seconds from the request for a worker until it is ready, p95 of `startupLaunches`; null: "
        "none was measured yet.",
        compute=lambda status: status.startup.seconds if status.startup else None,
    )
    startup_launches: int = shown(
        "Number of launches measured: the newest, up to 50, of a month.",
        compute=lambda status: status.startup.launches if status.startup else 0,
    )
    next_launch: NextLaunch | None = shown(
        "After failed launches, the time of the next launch; null means at once.",
        source="pause",
    )
    newest_event: Event | None = shown(source="newest")


def _milliseconds(start: Any, end: Any) -> int | None:
    return None if end is None else max(0, round((end - start).total_seconds() * 1000))
