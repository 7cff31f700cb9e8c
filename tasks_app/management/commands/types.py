"""`manage.py types`: the task types that nodes declare, and one of them."""

from argparse import ArgumentParser
from typing import Any

from controlplane.core.console.command import ConsoleCommand, Options
from controlplane.core.console.subcommands import Handler
from controlplane.core.console.tables import Console, columns_of, list_view, print_record
from controlplane.core.errors import NotFound
from controlplane.core.formatting import format_duration
from controlplane.core.schema import represent
from tasks_app.queries.declarations import list_all_types, read_catalogue
from tasks_app.schema.types import TaskType, TaskTypeDetail
from tasks_app.typewords import TypeState

_EXAMPLES = """\
  manage.py types                 what nodes declare, or did until now
  manage.py types shop.invoice    who declares it, its owner and its runbook"""


class Command(ConsoleCommand):
    """Types belong to no workspace."""

    help = "List the task types that nodes declare, or show one."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_run(parser, self._run)
        parser.add_argument("name", nargs="?", default="", help="name of a task type")
        parser.add_argument(
            "--internal", action="store_true", help="also bookkeeping of the platform"
        )
        parser.set_defaults(handler=Handler(self._run, _show))

    def _run(self, options: Options) -> Any:
        if name := options["name"]:
            view = read_catalogue().get(name)
            if view.shown is None:
                raise NotFound(f"No task type {name!r} is known.")
            return represent(TaskTypeDetail, view, None)
        views = list_all_types(with_internal=options["internal"])
        return [represent(TaskType, view, None) for view in views]


def _show(console: Console, found: Any) -> None:
    if isinstance(found, list):
        _TYPES(console, found)
        return
    without = {"payloadSchema", "retry", "differences", "sentence", "declaredBy"}
    print_record(console, found, without=without)
    if found["sentence"]:
        console.write(found["sentence"])
    if found["declaredBy"]:
        console.write(f"Declared by {', '.join(found['declaredBy'])}.")
    for each in found["differences"]:
        for value in each["values"]:
            console.write(f"{each['part']} {value['value']}: {', '.join(value['nodes'])}")


def _state(found: Any) -> str:
    state = TypeState(found["status"])
    return "" if state in (TypeState.DECLARED, TypeState.UNJUDGED) else str(state.label)


_TYPES = list_view(
    {
        **columns_of("type", "title", "owner", "queue"),
        "limits": lambda each: (
            f"{format_duration(each['timeoutSeconds'])}, {each['maxAttempts']} attempts"
        ),
        "nodes": "nodes",
        "": _state,
    },
    empty="No task type is declared.",
)
