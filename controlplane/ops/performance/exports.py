"""The figures of the page of performance as files."""

from collections.abc import Sequence
from uuid import UUID

from controlplane.core.clock import now
from controlplane.ops.performance.nodework import list_node_work
from controlplane.ops.performance.schema import (
    NodeWork,
    PerformanceFilter,
    PerformanceStep,
    SpanFilter,
    TypeWork,
)
from controlplane.ops.performance.span import Span, find_span
from controlplane.ops.performance.steps import Step, read_figures, read_steps
from controlplane.workspaces.exporting import ExportedList, Selected, register
from controlplane.workspaces.exporting.lists import Rows
from tasks_app.schema.figures import NamedFigures


def steps_of(workspace_id: UUID, span: Span, types: Sequence[str]) -> list[Step]:
    """The steps of the charts. Raises Invalid when reading them takes too long."""
    return read_steps(workspace_id, span, read_figures(workspace_id, span, types))


def types_of(workspace_id: UUID, span: Span, types: Sequence[str]) -> list[NamedFigures]:
    """The busiest types. Raises Invalid when reading them takes too long."""
    found = read_figures(workspace_id, span, types)
    return [NamedFigures(figures, name=name) for name, figures in found.by_type]


def _span_of(wanted: SpanFilter) -> Span:
    return find_span(wanted.span, wanted.begin, wanted.end, now())


def _list_steps(selected: Selected) -> Rows:
    wanted = selected.wanted
    return steps_of(selected.workspace_id, _span_of(wanted), wanted.types)


def _list_types(selected: Selected) -> Rows:
    wanted = selected.wanted
    return types_of(selected.workspace_id, _span_of(wanted), wanted.types)


STEPS = ExportedList(
    name="performance",
    noun="step",
    path="system/performance/export",
    tag="system",
    resource="system",
    schema=PerformanceStep,
    filter=PerformanceFilter,
    rows=_list_steps,
)
TYPES = ExportedList(
    name="performance-types",
    noun="type",
    path="system/performance/types/export",
    tag="system",
    resource="system",
    schema=TypeWork,
    filter=PerformanceFilter,
    rows=_list_types,
)
NODES = ExportedList(
    name="performance-nodes",
    noun="node",
    path="system/performance/nodes/export",
    tag="system",
    resource="system",
    schema=NodeWork,
    filter=SpanFilter,
    rows=lambda selected: list_node_work(_span_of(selected.wanted)),
    is_of_workspace=False,
)

register(STEPS, TYPES, NODES)
