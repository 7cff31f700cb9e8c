"""Task types: what nodes declare of their processors."""

from datetime import datetime
from typing import Any

from controlplane.core.schema import Resource, shown
from tasks_app.queries.declarations import TypeView
from tasks_app.typewords import TypeState, find_badge, find_state, list_differences

_NODES_SHOWN = 100


class TaskType(Resource):
    """A task type as the newest live node declares it; without one, as this app's code or the last
    node did."""

    type: str = shown(source="name")
    title: str | None = shown(compute=lambda view: view.descriptor.title or None)
    description: str = shown(source="descriptor.description")
    owner: str | None = shown(
        "A team or a person.", compute=lambda view: view.descriptor.owner or None
    )
    runbook: str | None = shown(
        "The address of what to do when it fails.",
        compute=lambda view: view.descriptor.runbook or None,
    )
    queue: str = shown(source="shown.queue")
    is_async: bool = shown(source="shown.is_async")
    max_attempts: int = shown(source="shown.max_attempts")
    timeout_seconds: float = shown(source="shown.timeout_seconds")
    retry: dict[str, Any] = shown(source="shown.retry")
    is_internal: bool = shown("Bookkeeping of the platform.", source="shown.is_internal")
    status: TypeState = shown(
        "GONE: no live node declares it any more. UNKNOWN: no node is known to have declared it. "
        "UNJUDGED: no node is alive, or one of an earlier version does not say.",
        compute=find_state,
    )
    nodes: int = shown("Live nodes that declare it.", compute=lambda view: len(view.nodes))
    payload_schema: dict[str, Any] = shown("JSON Schema.", source="shown.payload_schema")


class TypeDifference(Resource):
    """A part that live nodes declare differently."""

    part: str
    values: list[dict[str, Any]] = shown(
        "Each value, in words, with the nodes that declare it.",
        compute=lambda each: [
            {"value": value, "nodes": [node.name for node in nodes[:_NODES_SHOWN]]}
            for value, nodes in each.values
        ],
    )


def _sentence(view: TypeView) -> str | None:
    badge = find_badge(view)
    return None if badge is None else badge.sentence


class TaskTypeDetail(TaskType):
    """A task type, with who declares it and where they disagree."""

    declared_by: list[str] = shown(
        f"Live nodes, the newest first, at most {_NODES_SHOWN}.",
        compute=lambda view: [node.name for node in view.nodes[:_NODES_SHOWN]],
    )
    not_declared_since: datetime | None = shown(
        "When the last node that declared it ended, if none does now.", source="since"
    )
    is_in_app: bool = shown("Whether the code of this app declares it.")
    sentence: str | None = shown("What is wrong with it; null: nothing.", compute=_sentence)
    differences: list[TypeDifference] = shown(compute=lambda view: list_differences(view.variants))
