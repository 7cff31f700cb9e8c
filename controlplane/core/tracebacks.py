"""Tracebacks as text: which frames are the own code, which those of libraries. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# The engine's own frames are above those of every handler, and explain no failure.
FOREIGN = re.compile(
    r"[/\\](?:site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|^<frozen "
    r"|[/\\]tasks_app[/\\]execution[/\\]"
)
_FRAME = re.compile(r'[ |+]*File "([^"\n]{1,500})", line \d{1,9}')
_INSIDE = re.compile(r" {4,}\S")


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of a traceback that belong together: a frame, or what stands between frames."""

    text: str
    is_frame: bool = False
    is_foreign: bool = False


def split_traceback(text: str) -> list[Part]:
    """The parts of a traceback in order; their texts, joined by line feeds, are the traceback."""
    return list(_split(text.rstrip("\n").split("\n")))


def _split(lines: list[str]) -> Iterator[Part]:
    block: list[str] = []
    path: str | None = None
    for line in lines:
        found = _FRAME.match(line)
        if found is None and (path is None or _INSIDE.match(line)):
            block.append(line)
            continue
        if block:
            yield _part(block, path)
        block, path = [line], None if found is None else found[1]
    if block:
        yield _part(block, path)


def _part(lines: list[str], path: str | None) -> Part:
    is_foreign = path is not None and FOREIGN.search(path) is not None
    return Part("\n".join(lines), path is not None, is_foreign)
