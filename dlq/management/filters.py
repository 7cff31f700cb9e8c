"""The filters of dead letters as options."""

from functools import partial
from typing import Any

from controlplane.core.console.options import TIME_HELP, Filter, read_filter, time_or_age
from controlplane.core.schema.filters import read_body
from controlplane.core.schema.texts import split_values
from dlq.filters import LetterFilter

LETTER_FILTERS = (
    Filter("status", is_list=True),
    Filter("category", is_list=True),
    Filter("type", is_list=True),
    Filter("queue", is_list=True),
    Filter("fingerprint", is_list=True),
    Filter("taskId", "the task that failed", is_list=True, metavar="ID", alias="--task"),
    Filter("workflowRunId", "run of a workflow", is_list=True, metavar="ID", alias="--run"),
    Filter("search", "part of the name, type or message"),
    Filter("since", f"died since: {TIME_HELP}", read=time_or_age, metavar="TIME"),
    Filter("until", "died before: as --since", read=time_or_age, metavar="TIME"),
)


def letter_filter(options: dict[str, Any]) -> LetterFilter:
    """The filter that the options, ids and `--all` stand for. Raises CommandError with
    EXIT_USAGE."""
    named: dict[str, Any] = {}
    if options.get("ids"):
        named["id"] = [str(each) for each in options["ids"]]
    if options.get("all"):
        named["all"] = True
    return read_filter(
        options,
        LETTER_FILTERS,
        split=split_values,
        read=partial(read_body, LetterFilter, field=""),
        **named,
    )
