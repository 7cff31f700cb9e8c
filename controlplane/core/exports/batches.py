"""Rows of a query in batches of bounded size."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Coalesce, Length

from controlplane.core.bounded import bounded_time

_ROWS = 500
_FIRST_ROWS = 100  # so that the first bytes come at once
# JSON that is read at once: 500 of the largest payloads would be 250 MB.
_BYTES = 4_000_000
# Up to the first row; a search that takes longer is refused, and nothing is sent.
FIRST_SECONDS = 5.0
# Between two batches, where few rows match. A client that leaves stops the query by then.
NEXT_SECONDS = 30.0
ADVICE = "Narrow it by time, or by status."


def read_batches(
    rows: QuerySet[Any], *, key: str = "-id", sized: Sequence[str] = ()
) -> Iterator[list[Any]]:
    """All rows in the order of a unique column that never changes; a leading `-` begins with the
    greatest. `sized` are columns of JSON without a small bound.

    Each batch is read by statements of its own: the memory is that of one batch, and no
    transaction stays open while a slow client reads, which would keep vacuum from every table. So
    the rows are those of no single moment: each is as it was when its batch was read. None comes
    twice, and one that has been removed by then, or no longer matches, is left out.

    Raises Invalid if finding the next rows takes too long.
    """
    column = key.removeprefix("-")
    beyond = f"{column}__{'lt' if key.startswith('-') else 'gt'}"
    ordered = rows.order_by(key)
    rest, limit, seconds = ordered, min(_FIRST_ROWS, _ROWS), FIRST_SECONDS
    while True:
        with bounded_time(seconds, ADVICE):
            found = _find(rest, column, sized, limit)
        for keys in _portions(found):
            yield list(ordered.filter(**{f"{column}__in": keys}))
        if len(found) < limit:
            return
        rest, limit, seconds = ordered.filter(**{beyond: found[-1][0]}), _ROWS, NEXT_SECONDS


def _find(
    rows: QuerySet[Any], column: str, sized: Sequence[str], limit: int
) -> list[tuple[Any, int]]:
    """The next keys, each with the size of its row's JSON."""
    if not sized:
        return [(key, 0) for key in rows.values_list(column, flat=True)[:limit]]
    # The length of the text: stored values are compressed.
    first, *others = (Coalesce(Length(Cast(name, TextField())), 0) for name in sized)
    size = sum(others, start=first)
    return list(rows.annotate(json_size=size).values_list(column, "json_size")[:limit])


def _portions(found: Sequence[tuple[Any, int]]) -> Iterator[list[Any]]:
    """The keys in lists of about _BYTES at most; a larger row is alone."""
    keys: list[Any] = []
    total = 0
    for key, size in found:
        if keys and total + size > _BYTES:
            yield keys
            keys, total = [], 0
        keys.append(key)
        total += size
    if keys:
        yield keys
