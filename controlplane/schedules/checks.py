"""What `manage.py check` says of declared schedules.

Warnings, not errors: an error would keep every command from running, the dispatcher's included.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from pydantic import ValidationError

from controlplane.schedules.declarations import Declaration, Fault, discover
from controlplane.schedules.states import Overlap
from controlplane.schedules.timing import TimingError, parse_timing
from tasks_app.processors import registry


@checks.register(checks.Tags.compatibility)
def check_declarations(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[checks.CheckMessage]:
    """Everything that is wrong and can be seen without a database."""
    declared, faults = discover()
    for each in declared:
        faults += find_faults(each)
    return [
        checks.Warning(
            fault.message,
            hint="The dispatcher leaves it out until it is mended.",
            obj=fault.where,
            id="schedules.W001",
        )
        for fault in faults
    ]


def find_faults(declared: Declaration) -> list[Fault]:
    """What is wrong with one declaration; the workflow's name is looked up later."""
    messages = [_timing_fault(declared), _work_fault(declared)]
    overlap = declared.values["overlap"]
    if overlap not in Overlap.values:
        messages.append(f"overlap is one of {', '.join(Overlap.values)}: not {overlap!r}.")
    return [Fault(declared.code_name, message) for message in messages if message]


def _timing_fault(declared: Declaration) -> str:
    values = declared.values
    try:
        parse_timing(values["schedule"], values["timezone"])
    except TimingError as error:
        return error.message
    return ""


def _work_fault(declared: Declaration) -> str:
    task_type = declared.values["task_type"]
    if bool(task_type) == bool(declared.workflow):
        return "Give a task_type or a workflow, one of the two."
    if not task_type:
        return ""
    try:
        registry.get(task_type).validate(declared.values["payload"])
    except registry.UnknownType as error:
        return str(error)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in ("payload", *first["loc"]))
        return f"{place}: {first['msg']}."
    return ""
