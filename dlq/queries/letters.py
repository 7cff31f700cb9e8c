"""Reads of dead letters: lists by filter, one with its history, counts and groups."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from controlplane.core.clock import now
from controlplane.core.errors import NotFound
from controlplane.core.sql import load_sql, prepared_cursor
from dlq.filters import LetterFilter
from dlq.fingerprints import normalise
from dlq.models import DeadLetter, LetterCount, LetterCountChange
from dlq.states import LetterStatus

NODE = "attempts__-1__workerNode"  # that of the last attempt
DAYS_SHOWN = 30
MAX_GROUPS = 50
MAX_CHANGES = 50_000  # of counts that are not folded; a dispatcher folds them every two seconds
_MAX_TYPES = 20
_MAX_KNOWN_TYPES = 100
_CHUNK = 500
_MAX_NEXT = 20


@dataclass(frozen=True, slots=True)
class LetterChain:
    """The letters of the same work before and after this one."""

    previous: DeadLetter | None  # whose reprocessing made the task that died here
    next: list[DeadLetter]  # deaths of the task that does the work again, oldest first; bounded


def list_letters(workspace_id: UUID, letter_filter: LetterFilter) -> QuerySet[DeadLetter]:
    """Letters of a workspace, newest first. Read them within `in_bounded_time` if no index serves
    the filter: a search, a type, a queue."""
    return DeadLetter.objects.filter(workspace_id=workspace_id).filter(_condition(letter_filter))


def get_letter(workspace_id: UUID, letter_id: UUID) -> DeadLetter:
    """One letter of a workspace. Raises NotFound."""
    letter = DeadLetter.objects.filter(workspace_id=workspace_id, id=letter_id).first()
    if letter is None:
        raise NotFound(f"There is no dead letter {letter_id}.")
    return letter


def get_chain(letter: DeadLetter) -> LetterChain:
    """The letters before and after this one."""
    letters = DeadLetter.objects.filter(workspace_id=letter.workspace_id)
    previous = letters.filter(reprocessed_task_id=letter.task_id, id__lt=letter.id)
    following: list[DeadLetter] = []
    if letter.reprocessed_task_id is not None:
        deaths = letters.filter(task_id=letter.reprocessed_task_id, id__gt=letter.id)
        # A task that is retried in place has several deaths: the next one is this letter's.
        limit = 1 if letter.reprocessed_task_id == letter.task_id else _MAX_NEXT
        following = list(deaths.order_by("id")[:limit])
    return LetterChain(previous=previous.order_by("-id").first(), next=following)


def list_open_letters(workspace_id: UUID, task_ids: Sequence[UUID]) -> list[UUID]:
    """The ids of the open letters of these tasks."""
    if not task_ids:
        return []
    letters = DeadLetter.objects.filter(
        workspace_id=workspace_id, task_id__in=task_ids, status=LetterStatus.OPEN
    )
    return list(letters.order_by("id").values_list("id", flat=True))


def count_letters(workspace_id: UUID, letter_filter: LetterFilter, *, limit: int) -> int:
    """How many letters match, counted up to `limit`."""
    return list_letters(workspace_id, letter_filter).order_by()[:limit].count()


def find_total(workspace_id: UUID, letter_filter: LetterFilter) -> int | None:
    """The exact number of matching letters, at a cost that does not depend on it. None: the filter
    has conditions that nothing counts, or too many changes have to be added up."""
    kind, names = letter_filter.counted_as or ("", ())
    if not kind:
        return None
    with connection.wrap_database_errors, prepared_cursor("default") as cursor:
        cursor.execute(
            load_sql("dlq", "sum_counts"),
            {
                "workspace": workspace_id,
                "kind": kind,
                "names": list(names),
                "changes": MAX_CHANGES,
            },
        )
        (found,) = cursor.fetchone() or (None,)
    return found  # type: ignore[no-any-return] # a bigint


def list_types(workspaces: Sequence[UUID] | None) -> list[str]:
    """The types that letters of these workspaces have had, or of all, by name; the first hundred.
    From the counts, which are many times fewer than the letters."""
    of_types = Q(kind="TYPE") if workspaces is None else Q(kind="TYPE", workspace_id__in=workspaces)
    noted = LetterCountChange.objects.filter(of_types).order_by().values("name")[:MAX_CHANGES]
    found = LetterCount.objects.filter(of_types).order_by().values("name").union(noted)
    return [name for (name,) in found.values_list("name").order_by("name")[:_MAX_KNOWN_TYPES]]


def count_open(workspaces: Sequence[UUID]) -> int | None:
    """The exact number of open letters of these workspaces without those of muted groups, at a cost
    that does not depend on it. None: too many changes have to be added up."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "count_open"),
            {"workspaces": list(workspaces), "changes": MAX_CHANGES},
        )
        row: tuple[int | None] = cursor.fetchone()
    return row[0]


def iterate_letter_ids(
    workspace_id: UUID,
    letter_filter: LetterFilter,
    *,
    limit: int,
    after: UUID | None = None,
) -> Iterator[list[UUID]]:
    """The ids of at most `limit` matching letters after `after`, oldest first, in chunks."""
    letters = list_letters(workspace_id, letter_filter).order_by("id")
    last = after
    while limit > 0:
        rest = letters if last is None else letters.filter(id__gt=last)
        chunk = list(rest.values_list("id", flat=True)[: min(_CHUNK, limit)])
        if not chunk:
            return
        last, limit = chunk[-1], limit - len(chunk)
        yield chunk


def _condition(letter_filter: LetterFilter) -> Q:
    condition = Q()
    for column, values in (
        ("id", letter_filter.ids),
        ("task_id", letter_filter.task_ids),
        ("status", letter_filter.statuses),
        ("category", letter_filter.categories),
        ("type", letter_filter.types),
        ("queue", letter_filter.queues),
        ("fingerprint", letter_filter.fingerprints),
        ("workflow_run_id", letter_filter.workflow_run_ids),
        (NODE, letter_filter.nodes),
        ("worker_release", letter_filter.releases),
        ("worker_version", letter_filter.versions),
    ):
        condition &= _any_of(column, values)
    if letter_filter.since is not None:
        condition &= Q(died_at__gte=letter_filter.since)
    if letter_filter.until is not None:
        condition &= Q(died_at__lt=letter_filter.until)
    return condition & _search(letter_filter.search)


def _any_of(column: str, values: Sequence[object]) -> Q:
    if not values:
        return Q()
    return Q(**{column: values[0]}) if len(values) == 1 else Q(**{f"{column}__in": values})


def _search(text: str) -> Q:
    """Searches the name, the type, and the class and message of the error, or the id of the
    task."""
    if not text:
        return Q()
    matches = (
        Q(name__icontains=text)
        | Q(type__icontains=text)
        | Q(error__message__icontains=text)
        | Q(error__class__icontains=text)
        | Q(fingerprint=text)
    )
    try:
        return matches | Q(task_id=UUID(text)) | Q(id=UUID(text))
    except ValueError:
        return matches


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Open letters of the same failure. `message` has placeholders where the letters differ;
    `letter_id` is the newest letter."""

    fingerprint: str
    category: str
    error_class: str
    message: str
    types: list[str]
    count: int
    first_seen: datetime
    last_seen: datetime
    letter_id: UUID


@dataclass(frozen=True, slots=True)
class LetterStats:
    """Counts of letters. `is_estimate`: too many of the latest changes wait to be added to them.

    `by_status` counts all of them; `by_category` and `by_type` the open ones; `by_day` those of the
    last DAYS_SHOWN days (UTC), whatever their status, by "2026-01-31".
    """

    open: int
    total: int
    by_status: dict[str, int]
    by_category: dict[str, int]
    by_type: dict[str, int]
    by_day: dict[str, int]
    oldest_open: datetime | None
    groups: list[FailureGroup]
    is_estimate: bool


def get_letter_stats(workspace_id: UUID) -> LetterStats:
    """The statistics of a workspace's letters, at a cost that does not depend on their number."""
    today = now().date()
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "count_letters"),
            {
                "workspace": workspace_id,
                "since": (today - timedelta(days=DAYS_SHOWN - 1)).isoformat(),
                "changes": MAX_CHANGES,
            },
        )
        for kind, value, count in cursor.fetchall():
            counts[kind][value] = count
    days = [(today - timedelta(days=n)).isoformat() for n in reversed(range(DAYS_SHOWN))]
    return LetterStats(
        open=counts["STATUS"].get(LetterStatus.OPEN, 0),
        total=sum(counts["STATUS"].values()),
        by_status={status: counts["STATUS"].get(status, 0) for status in LetterStatus.values},
        by_category=_by_count(counts["CATEGORY"]),
        by_type=dict(list(_by_count(counts["TYPE"]).items())[:MAX_GROUPS]),
        by_day={day: counts["DAY"].get(day, 0) for day in days},
        oldest_open=_oldest_open(workspace_id),
        groups=list_groups(workspace_id),
        is_estimate="ESTIMATE" in counts,
    )


def list_groups(workspace_id: UUID, *, limit: int = MAX_GROUPS) -> list[FailureGroup]:
    """The groups of open letters, the largest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("dlq", "group_letters"),
            {
                "workspace": workspace_id,
                "limit": limit,
                "types": _MAX_TYPES,
                "changes": MAX_CHANGES,
            },
        )
        groups = [FailureGroup(*row) for row in cursor.fetchall()]
        return [replace(group, message=normalise(group.message)) for group in groups]


def _oldest_open(workspace_id: UUID) -> datetime | None:
    letters = DeadLetter.objects.filter(workspace_id=workspace_id, status=LetterStatus.OPEN)
    return letters.order_by("id").values_list("died_at", flat=True).first()


def _by_count(counts: dict[str, Any]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
