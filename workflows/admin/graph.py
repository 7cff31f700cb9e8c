"""The steps of a workflow as a graph: a step's column is its distance from the first steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_DRAWN = 200
MAX_EDGES = 1_000
_NODE_WIDTH, _NODE_HEIGHT = 126, 46
_COLUMN_GAP = 34
_ROW_GAP, _LANE = 16, 18  # a lane is where an edge passes a column
_MARGIN = 8
_LABEL = 16

# A step by its key, or the lane of the edges that leave a step, in a column that they pass.
Place = tuple[str, bool]


class Drawable(Protocol):
    """A step of a definition or of a run."""

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
        return self.x + _NODE_WIDTH // 2


@dataclass(frozen=True, slots=True)
class Graph:
    """Positions in pixels; `edges` are SVG paths."""

    width: int
    height: int
    nodes: list[Node]
    edges: list[str]
    node_width: int = _NODE_WIDTH
    node_height: int = _NODE_HEIGHT


def draw(steps: Sequence[Drawable]) -> Graph | None:
    """The graph of steps in topological order; None if there are none, or too many to read."""
    edges_total = sum(len(step.depends_on) for step in steps)
    if not 0 < len(steps) <= MAX_DRAWN or edges_total > MAX_EDGES:
        return None
    depth = _depths(steps)
    columns = _columns(steps, depth)
    heights = [sum(_height(place) + _ROW_GAP for place in column) for column in columns]
    at = [
        _positions(column, number, (max(heights) - heights[number]) // 2)
        for number, column in enumerate(columns)
    ]
    nodes = [
        Node(number, step.key, _label(step.key), *at[depth[step.key]][step.key, True])
        for number, step in enumerate(steps)
    ]
    edges = [_edge(at, depth, parent, step.key) for step in steps for parent in step.depends_on]
    return Graph(
        width=len(columns) * (_NODE_WIDTH + _COLUMN_GAP) - _COLUMN_GAP + 2 * _MARGIN,
        height=max(heights) - _ROW_GAP + 2 * _MARGIN,
        nodes=nodes,
        edges=edges,
    )


def _depths(steps: Sequence[Drawable]) -> dict[str, int]:
    """The length of the longest path to each step."""
    depth: dict[str, int] = {}
    for step in steps:
        depth[step.key] = max((depth[parent] + 1 for parent in step.depends_on), default=0)
    return depth


def _columns(steps: Sequence[Drawable], depth: dict[str, int]) -> list[list[Place]]:
    """The vertical positions in each column. Each is near the middle of its parents, so that few
    edges cross (the barycentre heuristic of layered drawings, one pass)."""
    columns: list[dict[Place, list[Place]]] = [{} for _ in range(max(depth.values()) + 1)]
    for step in steps:
        columns[depth[step.key]].setdefault((step.key, True), [])
        for parent in step.depends_on:
            *lanes, end = _way(depth, parent, step.key)
            before: Place = (parent, True)
            for passed, lane in lanes:
                columns[passed].setdefault(lane, [before])
                before = lane
            columns[end[0]][end[1]].append(before)
    ordered: list[list[Place]] = []
    rows: dict[Place, int] = {}
    for column in columns:
        middles = {place: _middle([rows[b] for b in before]) for place, before in column.items()}
        in_order = sorted(column, key=middles.__getitem__)
        rows = {place: row for row, place in enumerate(in_order)}
        ordered.append(in_order)
    return ordered


def _way(depth: dict[str, int], parent: str, child: str) -> Iterator[tuple[int, Place]]:
    """The lanes that an edge takes, column by column, then its end."""
    for column in range(depth[parent] + 1, depth[child]):
        yield column, (parent, False)
    yield depth[child], (child, True)


def _positions(column: Sequence[Place], number: int, above: int) -> dict[Place, tuple[int, int]]:
    x, y = _MARGIN + number * (_NODE_WIDTH + _COLUMN_GAP), _MARGIN + above
    positions = {}
    for place in column:
        positions[place] = (x, y)
        y += _height(place) + _ROW_GAP
    return positions


def _edge(
    at: Sequence[dict[Place, tuple[int, int]]], depth: dict[str, int], parent: str, child: str
) -> str:
    x, y = at[depth[parent]][parent, True]
    x, y = x + _NODE_WIDTH, y + _NODE_HEIGHT // 2
    path = f"M{x} {y}"
    for column, place in _way(depth, parent, child):
        to_x, to_y = at[column][place]
        to_y += _height(place) // 2
        bend = (x + to_x) // 2
        path += f" C{bend} {y} {bend} {to_y} {to_x} {to_y}"
        x, y = to_x, to_y
        if not place[1]:
            x += _NODE_WIDTH
            path += f" H{x}"
    return path


def _height(place: Place) -> int:
    return _NODE_HEIGHT if place[1] else _LANE


def _middle(rows: list[int]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _label(key: str) -> str:
    return key if len(key) <= _LABEL else f"{key[: _LABEL - 1]}…"
