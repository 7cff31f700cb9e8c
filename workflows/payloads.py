"""What the payload of a step must be, as far as it is known before a run."""

import math
from collections.abc import Iterator
from typing import Any

import pydantic

from controlplane.core.clock import now
from controlplane.core.times import parse_time
from tasks_app.processors import registry
from tasks_app.services.preparation import MAX_WAIT
from workflows.language import Template, compile_template
from workflows.language.templates import write_path
from workflows.states import StepKind

LONGEST_MESSAGE = 2_000
LONGEST_SECONDS = int(MAX_WAIT.total_seconds())

_Problem = tuple[str, str]  # the path below the payload, and what is wrong


def check_payload(
    kind: StepKind, type_name: str, payload: dict[str, Any], template: Template
) -> Iterator[_Problem]:
    """What is wrong with a payload, as paths below it and messages.

    That of a task is held against its type's model when it has no template in it; the values of
    the other kinds are, each that is no template.
    """
    if kind is StepKind.WAIT:
        yield from _check_wait(payload)
    elif kind is StepKind.APPROVAL:
        yield from _check_approval(payload)
    elif kind is StepKind.WORKFLOW:
        yield from _check_workflow(payload)
    elif template.is_constant:
        yield from _check_task(type_name, payload)


def _check_task(type_name: str, payload: dict[str, Any]) -> Iterator[_Problem]:
    try:
        registry.get(type_name).validate(payload)
    except pydantic.ValidationError as error:
        for part in error.errors(include_url=False, include_input=False, include_context=False):
            yield write_path(part["loc"]), part["msg"]


def _check_wait(payload: dict[str, Any]) -> Iterator[_Problem]:
    yield from _check_fields(payload, ("seconds", "until"))
    if ("seconds" in payload) == ("until" in payload):
        yield "", "Give `seconds` or `until`, one of them."
        return
    if "seconds" in payload:
        yield from _check_seconds("seconds", payload["seconds"])
        return
    until = payload["until"]
    if is_template(until):
        return
    try:
        if parse_time(until) > now() + MAX_WAIT:
            yield "until", "At most 10 years from now."
    except ValueError as error:
        yield "until", str(error)


def _check_approval(payload: dict[str, Any]) -> Iterator[_Problem]:
    yield from _check_fields(payload, ("message", "timeoutSeconds"))
    message = payload.get("message")
    if message is not None and not (isinstance(message, str) and len(message) <= LONGEST_MESSAGE):
        yield "message", f"A text of at most {LONGEST_MESSAGE:,} characters."
    if payload.get("timeoutSeconds") is not None:
        yield from _check_seconds("timeoutSeconds", payload["timeoutSeconds"])


def _check_workflow(payload: dict[str, Any]) -> Iterator[_Problem]:
    yield from _check_fields(payload, ("workflow", "input"))
    name = payload.get("workflow")
    if not isinstance(name, str) or not name.strip():
        yield "workflow", "The name or the id of a workflow is needed."
    value = payload.get("input", {})
    if not isinstance(value, dict) and not is_template(value):
        yield "input", "An object is needed."


def _check_fields(payload: dict[str, Any], known: tuple[str, ...]) -> Iterator[_Problem]:
    for name in payload:
        if name not in known:
            yield name[:100], f"Unknown field; there are {' and '.join(known)}."


def _check_seconds(field: str, value: Any) -> Iterator[_Problem]:
    if is_template(value):
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= LONGEST_SECONDS:
        yield field, f"A number of seconds from 0 to {LONGEST_SECONDS} (10 years)."


def is_template(value: Any) -> bool:
    """Whether only a run can tell this value."""
    return isinstance(value, str) and not compile_template(value).is_constant
