"""The record of an exception: class, message, traceback, category; with secrets masked."""

import itertools
import traceback
from contextlib import suppress
from typing import Any

from controlplane.core.masking import mask_secrets
from tasks_app.processors.categories import categorize
from tasks_app.processors.registry import Processor

_CLASS_LENGTH = 200
_MESSAGE_LENGTH = 2_000
_TRACEBACK_LENGTH = 16_000
_TRACEBACK_PART_LENGTH = 4_000  # of one frame, or of the text of one error of a chain
_TRACEBACK_PARTS = 500
_FRAMES = 40
_CHAIN_LENGTH = 50
# The time of masking depends on the length of a text, so a text is cut first: this much longer than
# what is kept, so that a secret at the edge is still recognised.
_MARGIN = 5_000


def storable(text: str) -> str:
    """The text without NUL and lone surrogates, which a Postgres jsonb cannot store."""
    # As a plain str: a subclass may have methods of its own.
    plain = str.__str__(text)
    return plain.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")


def keep_start(text: str, length: int) -> str:
    """The first `length` characters, with secrets masked, in a form that the database can store.
    The run time depends on `length`, not on the length of the text."""
    return storable(mask_secrets(str.__str__(text)[: length + _MARGIN])[:length])


def keep_end(text: str, length: int) -> str:
    """As `keep_start`, for the last characters."""
    return storable(mask_secrets(text[-(length + _MARGIN) :])[-length:])


def describe(
    error: BaseException, *, processor: Processor | None = None, category: str | None = None
) -> dict[str, Any]:
    """The error as JSON. Tracebacks carry no frame locals, and keep the innermost frames."""
    return {
        "class": storable(type(error).__qualname__[:_CLASS_LENGTH]),
        "message": keep_start(_text_of(error), _MESSAGE_LENGTH),
        "traceback": keep_end(_traceback_of(error), _TRACEBACK_LENGTH),
        "category": category or category_of(error, processor),
    }


def error_record(class_name: str, message: str, category: str) -> dict[str, Any]:
    """The record of an error without an exception."""
    return {"class": class_name, "message": message, "traceback": "", "category": category}


def category_of(error: BaseException, processor: Processor | None = None) -> str:
    """The dead letter category: from the processor, the registered rules or the table."""
    return categorize(error, processor.category_of if processor is not None else None)


def _text_of(error: BaseException) -> str:
    try:
        return str.__str__(str(error)) or type(error).__qualname__
    except BaseException as second:  # noqa: BLE001 - a broken __str__ must not hide the failure
        return (
            f"{type(error).__qualname__}, whose text cannot be read: "
            f"its __str__ raised {type(second).__qualname__}."
        )


def _traceback_of(error: BaseException) -> str:
    _cut_chain(error)
    try:
        chain = traceback.TracebackException.from_exception(error, limit=-_FRAMES, compact=True)
        parts = itertools.islice(chain.format(), _TRACEBACK_PARTS)
        return "".join(part[:_TRACEBACK_PART_LENGTH] for part in parts)
    except BaseException:  # noqa: BLE001 - it reads the author's attributes, too
        return "".join(traceback.format_tb(error.__traceback__, limit=-_FRAMES))


def _cut_chain(error: BaseException) -> None:
    """Cut a long chain of causes, which a loop of retries can create: each link costs time to
    format, and only the nearest are kept."""
    link: BaseException | None = error
    for _ in range(_CHAIN_LENGTH):
        if link is None:
            return
        _cut_texts(link)
        link = link.__cause__ if link.__cause__ is not None else link.__context__
    if link is not None:
        link.__cause__ = link.__context__ = None


def _cut_texts(error: BaseException) -> None:
    """Cut the parts that a traceback formats in full: the source line of a SyntaxError, and many
    notes."""
    with suppress(Exception):
        if isinstance(error, SyntaxError) and error.text:
            error.text = error.text[:_CLASS_LENGTH]
            error.offset, error.end_offset = min(error.offset or 0, _CLASS_LENGTH), None
        notes = getattr(error, "__notes__", None)
        if isinstance(notes, list) and len(notes) > _CHAIN_LENGTH:
            error.__notes__ = notes[:_CHAIN_LENGTH]
