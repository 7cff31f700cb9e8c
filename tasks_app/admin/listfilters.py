"""The filters of the list of tasks as people see them: chips, and the form that adds one."""

from collections.abc import Iterator
from dataclasses import dataclass

from controlplane.core.clock import parse_age
from controlplane.core.schema.filters import conditions
from controlplane.core.schema.values import join_values, split_values
from tasks_app.admin.listaddress import PLACE, VIEW, WORKSPACE, ListAddress
from tasks_app.filters import ME, PAYLOAD_PREFIX, TaskFilter
from tasks_app.listings import TITLES
from tasks_app.states import TaskState

_WORDS = {state.value: state.label for state in TaskState}


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is set, and the address without it."""

    title: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Field:
    """An input of the filter form. `options` are suggestions, or choices of a list."""

    name: str
    title: str
    value: str = ""
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    is_number: bool = False

    @property
    def input_id(self) -> str:
        return f"filter-{self.name}"


def list_chips(address: ListAddress) -> Iterator[Chip]:
    for name in address.params:
        if name in (*VIEW, *PLACE):
            continue
        values = address.params.getlist(name)
        title, shown = _in_words(name, values)
        yield Chip(title, shown, address.link(without=(name, *PLACE)))


def _in_words(name: str, values: list[str]) -> tuple[str, str]:
    title = TITLES.get(name, name.capitalize() if name == WORKSPACE else name)
    if name.startswith(PAYLOAD_PREFIX):
        return f"Payload {name.removeprefix(PAYLOAD_PREFIX)}", ", ".join(values)
    if name == "status":
        return title, ", ".join(_WORDS.get(each.upper(), each) for each in split_values(values))
    if name == "internal":
        return title, "shown" if values[-1].lower() == "true" else "hidden"
    if name.endswith("DurationMs"):
        return title, f"{values[-1]} ms"
    if parse_age(values[-1]) is not None:
        subject, _, side = title.partition(" ")
        return (subject, f"last {values[-1]}") if side == "after" else (title, f"{values[-1]} ago")
    return title, ", ".join(values)


_AGES = (("15m", "15 minutes"), ("1h", "1 hour"), ("24h", "1 day"), ("7d", "7 days"))
_TIME_HELP = "A time, or an age: 15m, 1h, 7d."


def list_fields(address: ListAddress, queues: list[str], types: list[str]) -> list[Field]:
    """The inputs of the form, filled with what is set."""
    suggestions = {
        "submittedBy": ((ME, "yourself"),),
        "queue": tuple((name, name) for name in queues),
        "type": tuple((name, name) for name in types),
        **dict.fromkeys(_TIMES, _AGES),
    }
    helps = {
        **dict.fromkeys(_TIMES, _TIME_HELP),
        "search": "A part of the name or type, or a whole id.",
        "worker": "A node, vm#12, or a worker, vm.",
        "submittedBy": "Such as user:ada; me is yourself.",
        "errorClass": "The exact class, such as TimeoutError.",
        "minDurationMs": "Milliseconds of the last attempt.",
        "maxDurationMs": "Milliseconds of the last attempt.",
    }
    fields = [
        Field(
            name=name,
            title=TITLES[name],
            value=join_values(split_values(address.params.getlist(name)))
            if found.values.is_split
            else address.params.get(name, ""),
            help=helps.get(name, ""),
            options=suggestions.get(name, ()),
            is_number=name in ("minPriority", "minDurationMs", "maxDurationMs"),
        )
        for name, (_, found) in conditions(TaskFilter).items()
        if name not in _NOT_IN_FORM
    ]
    return [*fields, _payload_field(address)]


_TIMES = tuple(name for name in TITLES if name.endswith(("After", "Before")))
# States have boxes; internal tasks a link in the foot of the table.
_NOT_IN_FORM = ("status", "internal", "id", "workflowRunId", "stepKey")


def _payload_field(address: ListAddress) -> Field:
    paths = [name for name in address.params if name.startswith(PAYLOAD_PREFIX)]
    value = ""
    if len(paths) == 1:
        value = f"{paths[0].removeprefix(PAYLOAD_PREFIX)}={address.params[paths[0]]}"
    return Field("payload", "Payload", value, "A path and its value, such as customer.id=7.")


def list_state_choices(address: ListAddress) -> list[tuple[str, str, bool]]:
    """Each state, its word, and whether it is chosen."""
    chosen = address.wanted.statuses
    return [(state.value, state.label, state.value in chosen) for state in TaskState]


def kept_by_form(address: ListAddress) -> list[tuple[str, str]]:
    """Parameters that are set and that the form has no input for."""
    shown = {*TITLES, *PLACE} - {*_NOT_IN_FORM} | {"status"}
    names = [name for name in address.params if name not in shown]
    paths = [name for name in names if name.startswith(PAYLOAD_PREFIX)]
    if len(paths) == 1:  # this one has the input
        names.remove(paths[0])
    return address.hidden_fields(names)
