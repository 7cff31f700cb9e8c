"""The steps of a workflow as a picture: columns by how far they are from the beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

MOST_DRAWN = 200
MOST_EDGES = 1_000
_NODE_WIDTH, _NODE_HEIGHT = 150, 46
_COLUMN, _ROW = 206, 62
_MARGIN = 8
_LABEL = 20


class Drawable(Protocol):
    """What is drawn of a step."""

    @property
    def key(self) -> str: ...

    @property
    def depends_on(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `x` and `y` are its upper left corner, in pixels; `number` is the step's place."""

    number: int
    key: str
    label: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        """Where its texts stand."""
        return self.x + _NODE_WIDTH // 2


@dataclass(frozen=True, slots=True)
class Graph:
    """A picture, in pixels; `edges` are paths of SVG."""

    width: int
    height: int
    nodes: list[Node]
    edges: list[str]
    node_width: int = _NODE_WIDTH
    node_height: int = _NODE_HEIGHT


def draw(steps: Sequence[Drawable]) -> Graph | None:
    """The picture of steps in topological order; None of too many to be looked at."""
    edges_total = sum(len(step.depends_on) for step in steps)
    if not 0 < len(steps) <= MOST_DRAWN or edges_total > MOST_EDGES:
        return None
    columns = _columns(steps)
    tallest = max(len(column) for column in columns)
    places: dict[str, tuple[int, int]] = {}
    for number, column in enumerate(columns):
        above = (tallest - len(column)) * _ROW // 2  # in the middle
        for row, key in enumerate(column):
            places[key] = (_MARGIN + number * _COLUMN, _MARGIN + above + row * _ROW)
    nodes = [
        Node(number, step.key, _label(step.key), *places[step.key])
        for number, step in enumerate(steps)
    ]
    edges = [
        _edge(places[parent], places[step.key])
        for step in steps
        for parent in step.depends_on
        if parent in places
    ]
    width = (len(columns) - 1) * _COLUMN + _NODE_WIDTH + 2 * _MARGIN
    height = (tallest - 1) * _ROW + _NODE_HEIGHT + 2 * _MARGIN
    return Graph(width, height, nodes, edges)


def _columns(steps: Sequence[Drawable]) -> list[list[str]]:
    """Keys by their depth; inside a column near the middle of their parents, so that few edges
    cross (the barycentre heuristic of layered drawings, one pass)."""
    depth: dict[str, int] = {}
    for step in steps:
        depth[step.key] = max((depth.get(parent, 0) + 1 for parent in step.depends_on), default=0)
    columns: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for step in steps:
        columns[depth[step.key]].append(step.key)
    parents = {step.key: step.depends_on for step in steps}
    place = {key: row for row, key in enumerate(columns[0])}
    for _, column in pairwise(columns):
        column.sort(key=lambda key: _middle([place.get(each, 0) for each in parents[key]]))
        place.update({key: row for row, key in enumerate(column)})
    return columns


def _middle(places: list[int]) -> float:
    return sum(places) / len(places) if places else 0.0


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1 = start[0] + _NODE_WIDTH, start[1] + _NODE_HEIGHT // 2
    x2, y2 = end[0], end[1] + _NODE_HEIGHT // 2
    bend = (x1 + x2) // 2
    return f"M{x1} {y1} C{bend} {y1} {bend} {y2} {x2} {y2}"


def _label(key: str) -> str:
    return key if len(key) <= _LABEL else f"{key[: _LABEL - 1]}…"
