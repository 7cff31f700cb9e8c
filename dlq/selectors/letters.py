"""Letters: lists narrowed by a filter, one with its history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from controlplane.core.errors import NotFound
from dlq.filters import LetterFilter
from dlq.models import DeadLetter

_CHUNK = 500
_MOST_NEXT = 20

# What the list of API answers shows without them: they may have hundreds of kilobytes each.
HEAVY_COLUMNS = ("attempts", "payload")


@dataclass(frozen=True, slots=True)
class LetterChain:
    """The letters of the same work before and after this one."""

    previous: DeadLetter | None  # whose reprocessing made the task that died here
    next: list[DeadLetter]  # the deaths of the task that repeats this one, oldest first; bounded


def list_letters(workspace_id: UUID, wanted: LetterFilter) -> QuerySet[DeadLetter]:
    """Letters of a workspace, newest first. Read it within `in_bounded_time` when no index may
    serve it: a search, a type, a queue."""
    return DeadLetter.objects.filter(workspace_id=workspace_id).filter(_condition(wanted))


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
        most = 1 if letter.reprocessed_task_id == letter.task_id else _MOST_NEXT
        following = list(deaths.order_by("id")[:most])
    return LetterChain(previous=previous.order_by("-id").first(), next=following)


def count_letters(workspace_id: UUID, wanted: LetterFilter, *, most: int) -> int:
    """How many letters match, counted up to `most`."""
    return list_letters(workspace_id, wanted).order_by()[:most].count()


def iterate_letter_ids(
    workspace_id: UUID,
    wanted: LetterFilter,
    *,
    most: int,
    after: UUID | None = None,
) -> Iterator[list[UUID]]:
    """The ids of matching letters, oldest first, behind `after`, in chunks, at most `most`."""
    letters = list_letters(workspace_id, wanted).order_by("id")
    last = after
    while most > 0:
        rest = letters if last is None else letters.filter(id__gt=last)
        chunk = list(rest.values_list("id", flat=True)[: min(_CHUNK, most)])
        if not chunk:
            return
        last, most = chunk[-1], most - len(chunk)
        yield chunk


def _condition(wanted: LetterFilter) -> Q:
    condition = Q()
    for column, values in (
        ("id", wanted.ids),
        ("task_id", wanted.task_ids),
        ("status", wanted.statuses),
        ("category", wanted.categories),
        ("type", wanted.types),
        ("queue", wanted.queues),
        ("fingerprint", wanted.fingerprints),
        ("workflow_run_id", wanted.workflow_run_ids),
    ):
        condition &= _any_of(column, values)
    if wanted.since is not None:
        condition &= Q(died_at__gte=wanted.since)
    if wanted.until is not None:
        condition &= Q(died_at__lt=wanted.until)
    return condition & _search(wanted.search)


def _any_of(column: str, values: Sequence[object]) -> Q:
    if not values:
        return Q()
    return Q(**{column: values[0]}) if len(values) == 1 else Q(**{f"{column}__in": values})


def _search(text: str) -> Q:
    """In the name, the type, the class and message of the error; or the id of the task."""
    if not text:
        return Q()
    found = (
        Q(name__icontains=text)
        | Q(type__icontains=text)
        | Q(error__message__icontains=text)
        | Q(error__class__icontains=text)
        | Q(fingerprint=text)
    )
    try:
        return found | Q(task_id=UUID(text)) | Q(id=UUID(text))
    except ValueError:
        return found
