"""In words: what is wrong with the declarations of a task type, and how they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import TextChoices

from controlplane.core.clock import now
from controlplane.core.formatting import format_count, format_duration, format_relative
from controlplane.core.jsonb import dump_jsonb
from controlplane.core.visibletext import isolated_text
from tasks_app.processors.declarations import Declaration
from tasks_app.queries.declarations import Declarer, TypeView, Variant

_NAMED = 5  # nodes in a sentence
_NONE = "none"


class TypeState(TextChoices):
    """Whether live nodes declare a type."""

    DECLARED = "DECLARED", "Declared"
    DISAGREED = "DISAGREED", "Nodes disagree"
    GONE = "GONE", "Not declared any more"
    UNKNOWN = "UNKNOWN", "Never declared"
    UNJUDGED = "UNJUDGED", "Not known"


@dataclass(frozen=True, slots=True)
class Badge:
    """Two or three words beside a name, and the sentence behind them."""

    state: TypeState
    words: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A part that nodes declare differently: each value with the nodes that have it."""

    part: str
    values: Sequence[tuple[str, Sequence[Declarer]]]


def find_state(view: TypeView) -> TypeState:
    if view.variants:
        return TypeState.DISAGREED if view.has_disagreement else TypeState.DECLARED
    if view.is_gone:
        return TypeState.GONE
    return TypeState.UNKNOWN if view.is_unknown else TypeState.UNJUDGED


def find_badge(view: TypeView) -> Badge | None:
    """What people must know of the declarations; None if there is nothing."""
    state = find_state(view)
    if state in (TypeState.DECLARED, TypeState.UNJUDGED):
        return None
    sentence = {
        TypeState.DISAGREED: lambda: describe_disagreement(view),
        TypeState.GONE: lambda: f"No live node has declared it since {_since(view.since)}.",
        TypeState.UNKNOWN: lambda: "No node is known to have declared it.",
    }[state]()
    return Badge(state, str(state.label).lower(), sentence)


def describe_disagreement(view: TypeView) -> str:
    """What differs, and on which nodes."""
    parts = ", ".join(each.part for each in list_differences(view.variants))
    sides = " and ".join(name_nodes(variant.nodes) for variant in view.variants)
    return f"Nodes declare it differently ({parts}): {sides}."


def name_nodes(nodes: Sequence[Declarer]) -> str:
    """The names of a few nodes, and how many more there are."""
    names = ", ".join(isolated_text(node.name) for node in nodes[:_NAMED])
    more = len(nodes) - _NAMED
    return f"{names} and {format_count(more, 'more node')}" if more > 0 else names


def list_differences(variants: Sequence[Variant]) -> list[Difference]:
    """The parts that are not the same in all variants."""
    described = [(list_parts(each.declaration), each.nodes) for each in variants]
    found = []
    for part in described[0][0] if described else ():
        values: dict[str, list[Declarer]] = {}
        for parts, nodes in described:
            values.setdefault(parts[part], []).extend(nodes)
        if len(values) > 1:
            found.append(Difference(part, list(values.items())))
    return found


def list_parts(declaration: Declaration) -> dict[str, str]:
    """A declaration as parts that can be compared, each in words."""
    descriptor = declaration.descriptor
    attempts = format_count(declaration.max_attempts, "attempt")
    return {
        "title": descriptor.title or _NONE,
        "description": descriptor.description or _NONE,
        "owner": descriptor.owner or _NONE,
        "runbook": descriptor.runbook or _NONE,
        "queue": declaration.queue,
        "time-out": format_duration(declaration.timeout_seconds),
        "retries": f"{attempts}, {describe_retry(declaration)}",
        "kind of handler": "async" if declaration.is_async else "sync",
        "internal": "yes" if declaration.is_internal else "no",
        "payload schema": _write(declaration.payload_schema),
    }


def describe_retry(declaration: Declaration) -> str:
    """`exponential from 1 s, at most 1 h`, or the function that decides."""
    if declaration.retry_rule:
        return f"by {isolated_text(declaration.retry_rule)}"
    retry = declaration.retry
    known = {name: retry.get(name) for name in ("strategy", "baseMs", "maxMs", "factor", "jitter")}
    base, most = (known[name] for name in ("baseMs", "maxMs"))
    if not isinstance(base, int | float) or not isinstance(most, int | float):
        return _write(retry)
    words = f"{isolated_text(known['strategy'])} from {format_duration(base / 1_000)}"
    words += f", at most {format_duration(most / 1_000)}"
    rest = {name: known[name] for name in ("factor", "jitter") if known[name] is not None}
    return ", ".join([words, *(f"{name} {value:g}" for name, value in rest.items())])


def _since(at: datetime | None) -> str:
    return format_relative(at, now()) if at is not None else "an unknown time"


def _write(value: Mapping[str, Any]) -> str:
    return dump_jsonb(dict(value), sort_keys=True).decode()
