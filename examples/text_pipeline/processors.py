"""The task types of the example. A worker finds them by
TASKPLANE_PROCESSORS=examples.text_pipeline.processors.

Each may run twice (a worker may be killed after the work and before its record), so each gives the
same result for the same payload, and the report replaces its file in one step.
"""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tasks_app.processors import Context, Fail, processor

WORD = re.compile(r"[^\W\d_]+")


class Payload(BaseModel):
    """No unknown fields: a misspelt one is an error at submission."""

    model_config = ConfigDict(extra="forbid")


class SplitPayload(Payload):
    """What to cut, and into how many parts."""

    path: str
    parts: int = Field(default=64, ge=1, le=1_000)


class CountPayload(Payload):
    """One part: bytes from `start` up to `end` of the file."""

    path: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class MergePayload(Payload):
    """The counts of all parts, in order."""

    counts: list[dict[str, Any]]


class LongWordsPayload(Payload):
    """The text whose longest words are wanted."""

    path: str
    most: int = Field(default=5, ge=1, le=100)


class ReportPayload(Payload):
    """What to write, and where."""

    target: str
    totals: dict[str, Any]
    longest: list[str] | None


@processor("text-split", payload=SplitPayload, title="Split a text", owner="examples")
def split(ctx: Context, payload: SplitPayload) -> dict[str, Any]:
    """Cut a file into parts that begin and end between lines."""
    path = Path(payload.path)
    if not path.is_file():
        raise Fail(f"There is no file {path}.")
    size = path.stat().st_size
    cuts = [0]
    with path.open("rb") as file:
        for number in range(1, payload.parts):
            file.seek(size * number // payload.parts)
            file.readline()
            if cuts[-1] < file.tell() < size:
                cuts.append(file.tell())
    parts = [
        {"start": start, "end": end} for start, end in zip(cuts, [*cuts[1:], size], strict=True)
    ]
    ctx.log(f"{size} bytes in {len(parts)} parts")
    return {"bytes": size, "parts": parts}


@processor("text-count", payload=CountPayload)
def count(ctx: Context, payload: CountPayload) -> dict[str, Any]:
    """Lines, words and the most frequent words of one part."""
    with Path(payload.path).open("rb") as file:
        file.seek(payload.start)
        text = file.read(payload.end - payload.start).decode()
    words = Counter(WORD.findall(text.lower()))
    return {"lines": text.count("\n"), "words": words.total(), "characters": len(text)}


@processor("text-merge", payload=MergePayload)
def merge(ctx: Context, payload: MergePayload) -> dict[str, int]:
    """Add up the counts of the parts."""
    return {
        name: sum(part[name] for part in payload.counts)
        for name in ("lines", "words", "characters")
    }


@processor("text-longest", payload=LongWordsPayload)
def longest(ctx: Context, payload: LongWordsPayload) -> list[str]:
    """The longest words, longest first."""
    with Path(payload.path).open(encoding="utf-8") as file:
        words = {word for line in file for word in WORD.findall(line.lower())}
    return sorted(words, key=lambda word: (-len(word), word))[: payload.most]


@processor("text-report", payload=ReportPayload, title="Report on a text", owner="examples")
def report(ctx: Context, payload: ReportPayload) -> dict[str, str]:
    """Write the report."""
    lines = [f"{name}: {value:,}" for name, value in payload.totals.items()]
    if payload.longest is not None:
        lines.append(f"longest words: {', '.join(payload.longest)}")
    target = Path(payload.target)
    draft = target.with_name(f"{target.name}.{ctx.task_id}.{ctx.attempt}")
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(draft, target)  # noqa: PTH105 - the one call that replaces in one step
    return {"report": str(target)}
