"""The cost of an expression with these values: estimated before it runs, refused above a limit.

The library bounds nesting and iterations, but not what one iteration does: `+` in a macro builds
a longer text each time, and a list that grows by one element is copied each time (16 bytes for
each element of each copy, measured with 9,000 elements: 1.3 GB). The estimate walks the syntax
tree once with the lengths of the actual values and counts bytes that are read, copied and built.
"""

from collections.abc import Callable, Mapping
from typing import Any

from workflows.language.bounds import SCALAR, SLOT, Shape, join, list_of, measure, measure_pattern
from workflows.language.cel import MAX_ITERATIONS
from workflows.language.errors import ExpressionError
from workflows.language.nodes import Call, Const, Field, Loop, Many, Name, Node, Tree, walk

MAX_WORK = 300_000_000  # bytes; at most about a second, mostly far less
MAX_RESULT = 64 * 1024 * 1024  # bytes of a value, as it is in memory

_BUILT = 4  # a byte of text that is built counts as four: it is kept until the end
_UNKNOWN_PATTERN = 50_000  # instructions of a pattern that is not known; RE2 takes no longer ones
_FORMATTED = 1_400  # characters of a number with the longest precision
_MULTIPLYING = {"replace", "join", "format", "split", "matches", "strings.quote"}
_FEW_READS = 8
_BOOLEAN = {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"}
_CHEAP = {"_&&_", "_||_", "!_", "-_", "@not_strictly_false", "_-_", "_*_", "_/_", "_%_", "type"}
_TEXTS = {
    "charAt", "dyn", "lowerAscii", "reverse", "string", "substring", "trim", "upperAscii", "bytes",
}  # fmt: skip


class _TooExpensiveError(Exception):
    """The part at which the work exceeds the limit."""

    def __init__(self, node: Node, message: str) -> None:
        super().__init__(message)
        self.node = node


def may_multiply(tree: Tree, reads: int) -> bool:
    """Whether the cost may exceed the length of the text and its values: then it is estimated."""
    return reads > _FEW_READS or any(
        isinstance(node, Loop) or (isinstance(node, Call) and node.function in _MULTIPLYING)
        for node in walk(tree.root)
    )


def estimate_cost(tree: Tree, values: Mapping[str, Any]) -> int:
    """The work of an evaluation with these values. Raises ExpressionError when it may take too
    much."""
    estimate = _Estimate(values)
    try:
        estimate.visit_root(tree.root)
    except _TooExpensiveError as error:
        column = tree.positions.get(error.node.id, 0) + 1
        raise ExpressionError(
            f"This may take too much memory or time with these values. {error} Use shorter lists "
            "and texts, or let a task do it.",
            column,
        ) from None
    return estimate.work


class _Estimate:
    """One walk. `times` is how often the part under it runs."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._bound: dict[str, Shape] = {}
        self._times = 1
        self._work = 0
        self._inside: dict[int, Shape] = {}  # of parts of a macro's body, by identity

    def visit_root(self, node: Node) -> None:
        """Count all; raises _TooExpensiveError."""
        if self.visit(node).weight > MAX_RESULT:
            raise _TooExpensiveError(node, "Its value would be too large.")

    def visit(self, node: Node) -> Shape:
        """The shape of a part's value; counts the cost of creating it."""
        match node:
            case Name(name=name):
                if name not in self._bound:
                    self._bound[name] = measure(self._values[name])
                shape = self._bound[name]
            case Const(value=value):
                shape = measure(value)
            case Field():
                holder = self.visit(node.of)
                shape = SCALAR if node.is_test else holder.field(node.name)
            case Many(kind="list"):
                shape = list_of([self.visit(item) for item in node.items])
            case Many():
                shape = self._visit_map(node)
            case Loop():
                shape = self._visit_loop(node)
            case Call():
                shape = self._visit_call(node)
            case _:
                raise TypeError(f"No such part of an expression: {node!r}.")
        self._inside[id(node)] = shape
        return shape

    @property
    def work(self) -> int:
        return self._work

    def _spend(self, node: Node, amount: int, message: str) -> None:
        self._work += amount * self._times
        if self._work > MAX_WORK:
            raise _TooExpensiveError(node, message)

    def _visit_map(self, node: Many) -> Shape:
        shapes = [self.visit(item) for item in node.items]
        keys, values = shapes[::2], shapes[1::2]
        weight = SLOT + sum(shape.weight + SLOT for shape in shapes)
        names = [key.value for key in keys]
        fields = None
        if all(isinstance(name, str) for name in names):
            fields = dict(zip(names, values, strict=True))
        return Shape(weight, len(keys), item=join(values), fields=fields, key=join(keys))

    def _visit_loop(self, node: Loop) -> Shape:
        over = self.visit(node.over)
        rounds = min(over.length, MAX_ITERATIONS)
        outer_times = self._times
        self._times *= max(1, rounds)
        self._bound[node.variable] = join([one for one in (over.key, over.item) if one])
        self._bound[node.result] = SCALAR
        builder = isinstance(node.start, Many)
        element = self._visit_body(node, builder=builder)
        self._times = outer_times
        if not builder:
            self.visit(node.end)
            return SCALAR
        self._spend(
            node,
            SLOT * rounds * rounds,
            f"A macro makes a list of up to {rounds:,} elements; the limit is about 4,000.",
        )
        shape = self._inside[id(element)]
        weight = SLOT + SLOT * rounds + self._weigh_all(element, node.variable, over, rounds)
        return Shape(weight, rounds, item=shape)

    def _visit_body(self, node: Loop, *, builder: bool) -> Node:
        """Visit the parts that run in each iteration. Returns the part that creates a new
        element."""
        self.visit(node.condition)
        if not builder:
            self.visit(node.step)
            return node.step
        step = node.step
        if isinstance(step, Call) and step.function == "_?_:_":
            self.visit(step.arguments[0])
            step = step.arguments[1]
        if isinstance(step, Call) and isinstance(step.arguments[-1], Many):
            element = step.arguments[-1].items[0]
            self.visit(element)
            return element
        raise _TooExpensiveError(node, "This macro is not known.")

    def _weigh_all(self, node: Node, variable: str, over: Shape, rounds: int) -> int:
        """The bytes of a part's values over all rounds: of parts of the elements, no more than
        those together have, however unequal they are."""
        if _is_part_of(node, variable):
            return over.weight
        if isinstance(node, Many):
            parts = sum(self._weigh_all(item, variable, over, rounds) for item in node.items)
            return parts + SLOT * rounds * (1 + len(node.items))
        if isinstance(node, Call) and node.function == "_?_:_":
            return sum(self._weigh_all(part, variable, over, rounds) for part in node.arguments[1:])
        return rounds * self._inside[id(node)].weight

    def _visit_call(self, node: Call) -> Shape:
        shapes = [self.visit(argument) for argument in node.arguments]
        name = node.function
        if name == "_[_]":
            return shapes[0].field(shapes[1].value)
        if name == "_?_:_":
            return join(shapes[1:])
        if name in _CHEAP:
            self._spend(node, SLOT, "It repeats too often.")
            return SCALAR
        if name in _BOOLEAN:
            self._spend(node, min(shape.weight for shape in shapes), "It compares too much.")
            return SCALAR
        rule = _RULES.get(name)
        if rule is not None:
            shape, cost = rule(shapes)
        else:
            total = sum(one.weight for one in shapes)
            longest = total + 2 * SLOT
            shape = Shape(longest, longest) if name in _TEXTS else SCALAR
            cost = _BUILT * total
        self._spend(node, cost, _MESSAGES.get(name, "It reads long texts too often."))
        return shape


def _is_part_of(node: Node, variable: str) -> bool:
    while isinstance(node, Field) and not node.is_test:
        node = node.of
    return isinstance(node, Name) and node.name == variable


_Rule = Callable[[list[Shape]], tuple[Shape, int]]
_MESSAGES = {
    "_+_": "It joins long texts or lists.",
    "replace": "replace() may make a very long text.",
    "join": "join() may make a very long text.",
    "format": "format() may make a very long text.",
    "matches": "matches() has a long pattern, a pattern that is not written out, or long texts.",
}


def _add(shapes: list[Shape]) -> tuple[Shape, int]:
    one, other = shapes
    weight = one.weight + other.weight
    is_number = not one.length and not other.length and weight <= 2 * SLOT
    if is_number:
        return SCALAR, SLOT
    item = join([shape.item for shape in shapes if shape.item is not None])
    return Shape(weight, one.length + other.length, item=item), _BUILT * weight


def _replace(shapes: list[Shape]) -> tuple[Shape, int]:
    text, new = shapes[0], shapes[2]
    # An empty text is found before each character and after the last.
    longest = text.weight + (text.length + 1) * new.weight if new.length else text.weight
    return Shape(longest, longest), _BUILT * longest


def _join_texts(shapes: list[Shape]) -> tuple[Shape, int]:
    between = shapes[1].weight if len(shapes) > 1 else 0
    longest = shapes[0].weight + shapes[0].length * between
    return Shape(longest, longest), _BUILT * longest


def _split(shapes: list[Shape]) -> tuple[Shape, int]:
    text, separator = shapes[0], shapes[1]
    cost = _BUILT * text.weight
    if separator.value == "":
        count = text.length + 1
        weight = SLOT * 2 * count
        return Shape(weight, count, item=Shape(SLOT + 4, 1)), cost + weight
    if isinstance(text.value, str) and isinstance(separator.value, str):
        parts = measure(text.value.split(separator.value))
        return parts, cost + parts.weight
    count = text.length + 1
    return Shape(text.weight + SLOT * 2 * count, count, item=text), cost + SLOT * count


def _format(shapes: list[Shape]) -> tuple[Shape, int]:
    given = shapes[1]
    # A number in base 2 has 64 digits; one with %f may have as many as its precision allows.
    longest = shapes[0].weight + 5 * given.weight + _FORMATTED * given.length
    return Shape(longest, longest), _BUILT * longest


def _matches(shapes: list[Shape]) -> tuple[Shape, int]:
    text, pattern = shapes[0], shapes[1]
    known = isinstance(pattern.value, str)
    size = measure_pattern(pattern.value) if known else _UNKNOWN_PATTERN
    # The pattern is built for each match, which was measured at 32 steps for an instruction.
    return SCALAR, size * (text.weight + 32)


def _quote(shapes: list[Shape]) -> tuple[Shape, int]:
    longest = 2 * shapes[0].weight
    return Shape(longest, longest), _BUILT * longest


def _size(shapes: list[Shape]) -> tuple[Shape, int]:
    is_text = shapes[0].item is None and shapes[0].fields is None
    return SCALAR, shapes[0].weight if is_text else SLOT


def _in(shapes: list[Shape]) -> tuple[Shape, int]:
    is_list = shapes[1].key is None
    return SCALAR, shapes[0].weight + (shapes[1].weight // 4 if is_list else SLOT)


_RULES: dict[str, _Rule] = {
    "_+_": _add,
    "@in": _in,
    "format": _format,
    "join": _join_texts,
    "matches": _matches,
    "replace": _replace,
    "size": _size,
    "split": _split,
    "strings.quote": _quote,
}
