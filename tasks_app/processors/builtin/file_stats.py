"""The processors `file-stats` and `file-stats-merge`: count a text file; add many counts up."""

import codecs
import hashlib
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from pydantic import Field

from tasks_app.processors.builtin.payloads import Payload
from tasks_app.processors.context import Context
from tasks_app.processors.outcomes import Fail
from tasks_app.processors.registry import processor
from tasks_app.processors.retry import RetryPolicy

_CHUNK_BYTES = 1 << 20
_COUNTS = ("lines", "words", "characters", "bytes")


class FileStatsPayload(Payload):
    """Which file to count."""

    path: str = Field(
        min_length=1,
        max_length=4_096,
        pattern=r"^[^\x00]+$",
        description="Absolute, or relative to one of the roots that the operator allows.",
    )


class FileStatsMergePayload(Payload):
    """Empty: the results of the task's dependencies are added up."""


class NotTextError(ValueError):
    """The file is not text in UTF-8."""


@dataclass(slots=True)
class TextStats:
    """Counts of a text: lines as line feeds, words as runs between white space, characters as
    Unicode code points."""

    lines: int = 0
    words: int = 0
    characters: int = 0
    bytes: int = 0


@processor(
    "file-stats",
    payload=FileStatsPayload,
    retry=RetryPolicy(base_ms=500),
    category_of=lambda error: "VALIDATION" if isinstance(error, NotTextError) else None,
)
def file_stats(ctx: Context, payload: FileStatsPayload) -> dict[str, Any]:
    """Count the lines, words, characters and bytes of a UTF-8 text file, and hash it (SHA-256)."""
    path = allowed_path(payload.path, file_roots())
    if not path.is_file():  # before opening: opening a pipe would wait for its other end
        raise Fail(f"{payload.path} is not a regular file.")
    with path.open("rb") as file:
        stats, digest = count_text(ctx, file, size=path.stat().st_size, name=payload.path)
    return {"path": payload.path, **asdict(stats), "sha256": digest}


@processor("file-stats-merge", payload=FileStatsMergePayload)
def file_stats_merge(ctx: Context, payload: FileStatsMergePayload) -> dict[str, int]:
    """Add up the counts of every `file-stats` task that this one depends on."""
    return merge_stats(ctx.dependency_results().values())


def merge_stats(results: Iterable[Any]) -> dict[str, int]:
    """The sums, and of how many files. Raises Fail when a result is not one of `file-stats`."""
    total = dict.fromkeys(("files", *_COUNTS), 0)
    for result in results:
        if not (isinstance(result, Mapping) and all(name in result for name in _COUNTS)):
            raise Fail("file-stats-merge depends on a task that is not of type file-stats.")
        total["files"] += 1
        for name in _COUNTS:
            total[name] += result[name]
    return total


def file_roots() -> list[Path]:
    """The directories whose files may be read: of this Python's own library unless set."""
    roots = settings.TASKPLANE.get("FILE_ROOTS") or [sysconfig.get_path("stdlib")]
    return [Path(root).resolve() for root in roots]


def allowed_path(path: str, roots: Iterable[Path]) -> Path:
    """The file behind `path`, links followed, when it lies under a root.

    Raises Fail if it does not, even if it does not exist, so that nothing about other files is
    revealed. Raises FileNotFoundError for a file missing under a root.
    """
    wanted = Path(path)
    inside = None
    for root in roots:
        resolved = (root / wanted).resolve()  # an absolute path stays as it is
        if resolved.is_relative_to(root):
            if resolved.exists():
                return resolved
            inside = resolved
    if inside is None:
        raise Fail(f"{path} is outside the directories that tasks may read (FILE_ROOTS).")
    raise FileNotFoundError(f"{path} does not exist.")


def count_text(ctx: Context, file: BinaryIO, *, size: int, name: str) -> tuple[TextStats, str]:
    """The counts and the SHA-256 of a file, in constant memory.

    Raises NotTextError when it is not UTF-8.
    """
    stats, digest = TextStats(), hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    ends_in_word = False
    while True:
        chunk = file.read(_CHUNK_BYTES)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise NotTextError(f"{name} is not UTF-8 text: {error.reason}.") from error
        digest.update(chunk)
        stats.bytes += len(chunk)
        stats.characters += len(text)
        stats.lines += text.count("\n")
        stats.words += len(text.split())
        if ends_in_word and text and not text[0].isspace():
            stats.words -= 1  # the chunk began in the middle of a word that is counted already
        if text:
            ends_in_word = not text[-1].isspace()
        if not chunk:
            return stats, digest.hexdigest()
        if size > _CHUNK_BYTES:
            ctx.progress(min(100.0, 100 * stats.bytes / size))
