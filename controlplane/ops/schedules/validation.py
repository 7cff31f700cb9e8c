"""The values of a schedule, each checked before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.core.clock import FIRST, LAST, OUT_OF_RANGE
from controlplane.core.errors import FieldError, Invalid, NotFound
from controlplane.core.names import InvalidNameError, canonical_name, check_name
from controlplane.core.values import check_payload_value
from controlplane.ops.schedules.beat_writing import check_storable
from controlplane.ops.schedules.schema import MAX_CATCH_UP, MAX_JITTER_MS, MAX_NAME_LENGTH
from controlplane.ops.schedules.states import Overlap
from controlplane.ops.schedules.timing import OnceRule, Timing, TimingError, parse_timing
from tasks_app.services import check_task
from tasks_app.specs import TaskSpec
from workflows.definitions import check_input, load_definition
from workflows.queries import get_version, get_workflow

MAX_BEAT_NAME_LENGTH = 200  # "<workspace>/<name>"

DEFAULTS: dict[str, Any] = {
    "timezone": "UTC",
    "task_type": "",
    "workflow_id": None,
    "payload": {},
    "enabled": True,
    "overlap": Overlap.SKIP.value,
    "catch_up": False,
    "catch_up_max": 10,
    "jitter_ms": 0,
    "start_at": None,
    "end_at": None,
    "queue": "",
    "priority": 0,
    "max_attempts": None,
}


@dataclass(frozen=True, slots=True)
class CheckedSchedule:
    """Valid values."""

    values: Mapping[str, Any]
    timing: Timing


def check_schedule(
    workspace_id: UUID, values: Mapping[str, Any], *, at: datetime, anchor: datetime
) -> CheckedSchedule:
    """The values with their timing, as of `at`. Raises: Invalid: some are wrong; each error names
    its field. TooLarge: the payload is too large.
    """
    wrong_bounds = _check_bounds(values)
    errors = [*_check_name(values), *_check_rules(values), *wrong_bounds]
    timing = None
    try:
        timing = parse_timing(
            values["schedule"],
            values["timezone"],
            anchor=anchor,
            start_at=None if wrong_bounds else values["start_at"],
            end_at=None if wrong_bounds else values["end_at"],
        )
    except TimingError as error:
        errors.append({"field": error.field, "message": error.message})
    else:
        errors += check_storable(timing)
    errors += _check_work(workspace_id, values)
    if errors or timing is None:
        raise Invalid(errors=errors)
    return CheckedSchedule({**values, "name": canonical_name(values["name"])}, timing)


def check_fires(timing: Timing, at: datetime) -> None:
    """Raises Invalid for a schedule that will never fire again."""
    if timing.next_after(at) is not None:
        return
    if isinstance(timing.rule, OnceRule) and timing.rule.at <= at:
        message = "This time has passed: give a later one."
    else:
        message = "The schedule never fires between startAt and endAt."
    raise Invalid(errors=[{"field": "schedule", "message": message}])


def spec_of(schedule: Any, *, run_at: datetime | None = None) -> TaskSpec:
    """The task of a firing. `schedule` has the columns of a Schedule."""
    return TaskSpec(
        type=schedule.task_type,
        payload=schedule.payload,
        name=schedule.name,
        queue=schedule.queue or None,
        priority=schedule.priority,
        max_attempts=schedule.max_attempts,
        run_at=run_at,
        tags=(f"schedule:{schedule.id}",),
    )


def _check_name(values: Mapping[str, Any]) -> list[FieldError]:
    try:
        check_name(values["name"], limit=MAX_NAME_LENGTH)
    except InvalidNameError as error:
        return [{"field": "name", "message": str(error)}]
    return []


def _check_rules(values: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    if values["overlap"] not in Overlap.values:
        errors.append({"field": "overlap", "message": f"One of {', '.join(Overlap.values)}."})
    for field, name, minimum, limit in (
        ("catch_up_max", "catchUpMax", 1, MAX_CATCH_UP),
        ("jitter_ms", "jitterMs", 0, MAX_JITTER_MS),
    ):
        if not minimum <= values[field] <= limit:
            errors.append({"field": name, "message": f"A whole number from {minimum} to {limit}."})
    return errors


def _check_bounds(values: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, name in (("start_at", "startAt"), ("end_at", "endAt")):
        moment = values[field]
        if moment is None:
            continue
        if moment.tzinfo is None:
            message = "A time with its zone, such as 2030-01-31T08:00:00Z."
            errors.append({"field": name, "message": message})
        elif not FIRST <= moment <= LAST:
            errors.append({"field": name, "message": OUT_OF_RANGE})
    start, end = values["start_at"], values["end_at"]
    if not errors and start is not None and end is not None and end <= start:
        errors.append({"field": "endAt", "message": "It must be later than startAt."})
    return errors


def _check_work(workspace_id: UUID, values: Mapping[str, Any]) -> list[FieldError]:
    if bool(values["task_type"]) == (values["workflow_id"] is not None):
        return [{"field": "taskType", "message": "Give either taskType or workflowId."}]
    if values["workflow_id"] is not None:
        return _check_run(workspace_id, values)
    spec = TaskSpec(
        type=values["task_type"],
        payload=values["payload"],
        queue=values["queue"] or None,
        priority=values["priority"],
        max_attempts=values["max_attempts"],
    )
    try:
        check_task(workspace_id=workspace_id, spec=spec)
    except Invalid as error:
        return [
            {"field": "taskType" if found["field"] == "type" else found["field"],
             "message": found["message"]}
            for found in error.errors
        ]  # fmt: skip
    return []


def _check_run(workspace_id: UUID, values: Mapping[str, Any]) -> list[FieldError]:
    check_payload_value(values["payload"], field="payload")
    try:
        workflow = get_workflow(workspace_id, values["workflow_id"])
        check_input(load_definition(get_version(workflow)), values["payload"])
    except NotFound as error:
        return [{"field": "workflowId", "message": error.detail}]
    except Invalid as error:
        return [
            {
                "field": "payload" + found["field"].removeprefix("input"),
                "message": found["message"],
            }
            for found in error.errors
        ]
    return []
