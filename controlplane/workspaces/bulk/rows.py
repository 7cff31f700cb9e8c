"""The objects that a selection names: found, counted and compared."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg, BitXor
from django.db.models import BigIntegerField, Count, Func, TextField, Value
from django.db.models.functions import Cast

from controlplane.core.bounded import bounded_time
from controlplane.core.cursors import estimate_rows
from controlplane.core.errors import Invalid
from controlplane.workspaces.bulk import BulkVerb, Rows
from controlplane.workspaces.bulk.selection import Selection

# Up to this number the objects of a preview are counted, and compared when the operation starts.
EXACT = 100_000
SHOWN = 10
_COUNT_SECONDS = 5.0

# The rows that an operation changed, or with True those that it did not come to.
FindOrigin = Callable[[BulkVerb, UUID, UUID, bool], Rows]
_find_origin: list[FindOrigin] = []


def register_origin(find: FindOrigin) -> FindOrigin:
    """Let this find the objects of earlier operations. It raises Invalid, Conflict."""
    _find_origin[:] = [find]
    return find


def in_bounded_time(seconds: float = _COUNT_SECONDS) -> AbstractContextManager[None]:
    """As bounded_time, which raises Invalid with this advice."""
    return bounded_time(seconds, "Narrow it by a time or a state, or name the ids.")


def find_rows(verb: BulkVerb, workspace_id: UUID, selection: Selection) -> Rows:
    """The selected objects by key. A filter selects those to which the verb applies; ids and an
    earlier operation select each that exists, so that its outcome can say why it was refused."""
    target = verb.target
    if selection.ids:
        rows = target.list_all(workspace_id).filter(**{f"{target.key}__in": selection.ids})
    elif selection.origin is not None:
        rows = _find_origin[0](verb, workspace_id, selection.origin, selection.is_rest)
    else:
        wanted = target.read_filter(selection.filter)
        rows = verb.select(target.narrow(workspace_id, wanted), wanted)
    return rows.order_by(target.key)


@dataclass(frozen=True, slots=True)
class Membership:
    """A selected set in a few figures, by which two moments can be compared. `digest` is that of
    the keys, None if they are too many to be read; then `count` is an estimate. `last`: the highest
    key, empty if nothing is selected. `shown`: the lowest keys; of an estimated set the highest."""

    count: int
    is_estimate: bool
    digest: int | None
    last: str
    shown: Sequence[Any] = field(default=(), compare=False)


def measure(rows: Rows, key: str) -> Membership:
    """Count the rows. Raises Invalid if even finding one of them takes too long."""
    found: dict[str, Any] = {}
    with suppress(Invalid), in_bounded_time(_COUNT_SECONDS):  # too slow to count: an estimate
        found = _digest(rows, key)
    counted: int = found.get("count", 0)
    if found and counted <= EXACT:
        last = "" if found["last"] is None else str(found["last"])
        return Membership(counted, False, found["digest"] or 0, last, found["shown"] or ())
    with in_bounded_time(_COUNT_SECONDS):
        highest = list(rows.order_by(f"-{key}").values_list(key, flat=True)[:SHOWN])
    if not highest:
        return Membership(0, True, None, "")
    count = max(estimate_rows(rows), counted, len(highest))
    return Membership(count, True, None, str(highest[0]), highest)


def _digest(rows: Rows, key: str) -> dict[str, Any]:
    """The number of rows up to one more than EXACT, a digest of their keys that does not depend on
    their order, and the lowest and the highest of the keys. Without a look for these in order: it
    would go through all others, where they are the newest or the oldest of many."""
    keys = ArrayAgg(key, order_by=key)
    hashed = Func(
        Cast(key, TextField()),
        Value(0),
        function="hashtextextended",
        output_field=BigIntegerField(),
    )
    hashes = rows.order_by().annotate(hashed_key=hashed).values("hashed_key", key)
    found: dict[str, Any] = hashes[: EXACT + 1].aggregate(
        count=Count("hashed_key"),
        digest=BitXor("hashed_key"),
        shown=Func(keys, template=f"(%(expressions)s)[1:{SHOWN}]"),
        last=Func(
            keys,
            Count("hashed_key"),
            template="(%(expressions)s]",
            arg_joiner=")[",
            output_field=rows.model._meta.get_field(key),
        ),
    )
    return found
