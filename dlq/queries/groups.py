"""Reads of groups of letters: lists by filter, one, their counts and their trends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, NotFound
from controlplane.core.sql import load_sql
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.states import ActorKind
from dlq.filters import ME, NOBODY, GroupFilter
from dlq.fingerprints import normalise
from dlq.models import DeadLetter, GroupNote, LetterCountChange, LetterGroup
from dlq.queries.letters import MAX_CHANGES
from dlq.states import UNSETTLED, GroupState, LetterStatus

MINE = (GroupState.OPEN.value, GroupState.REGRESSED.value, GroupState.ACKNOWLEDGED.value)
RESOLVED_SHOWN = timedelta(days=7)
TREND_LETTERS = 10_000  # that a trend looks at, of the whole workspace
TREND_BARS = 20
TREND_STEP = timedelta(minutes=3)
MAX_NOTES = 50
_MAX_COUNTED = 10_000
_MAX_VERSIONS = 10
_VERSIONS_OF = 100  # letters
_MAX_TYPES = 20
MAX_SIMILAR = 5
_SIMILAR_AMONG = 1_000


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with what the folded counts lack. `count`: open letters; `letter_id`, `name` and
    `error`: of the newest open letter, or of the first letter."""

    group: LetterGroup
    count: int
    deaths: int
    last_seen: datetime
    letter_id: UUID
    name: str
    error: Any

    @property
    def error_class(self) -> str:
        return self.group.error_class

    @property
    def message(self) -> str:
        """That of the first letter, with placeholders where the letters differ."""
        return normalise(self.group.message)

    @property
    def grown(self) -> int:
        """Deaths since it was acknowledged."""
        known = self.group.acknowledged_deaths
        if self.group.state != GroupState.ACKNOWLEDGED or known is None:
            return 0
        return max(0, self.deaths - known)


def name_owners(group_filter: GroupFilter, actor: Actor) -> GroupFilter:
    """The filter with the actor's user name instead of `me`. A key is nobody's owner."""
    name = actor.label if actor.kind == ActorKind.USER else ""
    owners = tuple(name if owner == ME else owner for owner in group_filter.owners)
    return replace(group_filter, owners=owners)


def list_letter_groups(workspace_id: UUID, group_filter: GroupFilter) -> QuerySet[LetterGroup]:
    """The groups of a workspace that match. `me` among the owners is a user name here."""
    groups = LetterGroup.objects.filter(workspace_id=workspace_id).select_related("owner")
    if group_filter.states:
        groups = groups.filter(state__in=group_filter.states)
    else:
        waiting = LetterCountChange.objects.filter(
            workspace_id=workspace_id,
            kind="GROUP_TYPE",
            name=OuterRef("fingerprint"),
            type=OuterRef("type"),
        )
        groups = groups.exclude(state=GroupState.RESOLVED)
        groups = groups.filter(Q(letters__gt=0) | Exists(waiting))
    for column, values in (
        ("fingerprint", group_filter.fingerprints),
        ("type", group_filter.types),
        ("category", group_filter.categories),
    ):
        if values:
            groups = groups.filter(**{f"{column}__in": values})
    if group_filter.versions:
        first = Q(first_version__in=group_filter.versions)
        groups = groups.filter(first | Q(last_version__in=group_filter.versions))
    if group_filter.releases:
        first = Q(first_release__in=group_filter.releases)
        groups = groups.filter(first | Q(last_release__in=group_filter.releases))
    return groups.filter(_owned(group_filter.owners) & _search(group_filter.search))


def _owned(owners: Sequence[str]) -> Q:
    if not owners:
        return Q()
    named = Q(owner__username__in=[each for each in owners if each != NOBODY])
    return named | Q(owner__isnull=True) if NOBODY in owners else named


def _search(text: str) -> Q:
    if not text:
        return Q()
    return (
        Q(type__icontains=text)
        | Q(error_class__icontains=text)
        | Q(message__icontains=text)
        | Q(fingerprint=text.lower())
    )


def find_group(workspace_id: UUID, fingerprint: str, type_name: str | None) -> LetterGroup:
    """One group. The type may be left out if the failure is of one. Raises NotFound, Conflict."""
    groups = LetterGroup.objects.filter(workspace_id=workspace_id, fingerprint=fingerprint)
    if type_name is not None:
        groups = groups.filter(type=type_name)
    found = list(groups.select_related("owner").order_by("type")[:_MAX_TYPES])
    if not found:
        of = "" if type_name is None else f" of the type {type_name}"
        raise NotFound(f"There is no group {fingerprint}{of}.")
    if len(found) > 1:
        types = ", ".join(group.type for group in found)
        raise Conflict(f"Several types fail like this: choose one with `type`: {types}.")
    return found[0]


def get_group(workspace_id: UUID, group_id: UUID) -> LetterGroup:
    """One group of a workspace by its id. Raises NotFound."""
    groups = LetterGroup.objects.filter(workspace_id=workspace_id).select_related("owner")
    found = groups.filter(id=group_id).first()
    if found is None:
        raise NotFound(f"There is no group {group_id}.")
    return found


def describe_groups(groups: Sequence[LetterGroup]) -> list[GroupView]:
    """These groups of one workspace with what is not folded yet. Two statements."""
    if not groups:
        return []
    keys = _keys(groups)
    with connection.cursor() as cursor:
        cursor.execute(load_sql("dlq", "read_group_changes"), {**keys, "changes": MAX_CHANGES})
        changes = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
        cursor.execute(load_sql("dlq", "find_newest_of_groups"), keys)
        newest = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
    return [
        _view(group, changes.get(key), newest.get(key))
        for group in groups
        for key in [(group.fingerprint, group.type)]
    ]


def _view(group: LetterGroup, change: Any, newest: Any) -> GroupView:
    letters, deaths, latest = change or (0, 0, None)
    first = {"class": group.error_class, "message": group.message, "category": group.category}
    letter_id, name, error = newest or (group.id, "", orjson.dumps(first))
    return GroupView(
        group=group,
        count=max(0, group.letters + letters),
        deaths=group.deaths + deaths,
        last_seen=max(group.last_seen, latest or group.last_seen),
        letter_id=letter_id,
        name=name,
        error=orjson.loads(error),
    )


def has_open_letters(group: LetterGroup) -> bool:
    """Whether a letter of the group is open."""
    return open_letters(group).exists()


def has_work_left(group: LetterGroup) -> bool:
    """Whether a letter of the group is open, or reprocessed by a task that is not known to have
    done the work. The dispatcher resolves groups where neither is so."""
    reprocessed = _letters_of(group, LetterStatus.REPROCESSED)
    return has_open_letters(group) or reprocessed.filter(rerun__in=UNSETTLED).exists()


def count_groups(workspace_id: UUID, username: str) -> dict[str, int]:
    """How many groups each view has: `mine`, each state, and `all`. The resolved ones are
    those of RESOLVED_SHOWN. Each is counted up to 10,000."""
    groups = LetterGroup.objects.filter(workspace_id=workspace_id)
    unresolved = groups.exclude(state=GroupState.RESOLVED).values("id")[:_MAX_COUNTED]
    by_state = LetterGroup.objects.filter(id__in=unresolved).order_by()
    counts = dict.fromkeys(GroupState.values, 0)
    for state, number in by_state.values_list("state").annotate(n=Count("id")):
        counts[state] = number
    recent = groups.filter(state=GroupState.RESOLVED, state_at__gte=now() - RESOLVED_SHOWN)
    counts[GroupState.RESOLVED.value] = recent.order_by()[:_MAX_COUNTED].count()
    mine = list_letter_groups(workspace_id, mine_filter(username))
    counts["mine"] = mine.order_by()[:_MAX_COUNTED].count()
    counts["all"] = groups.order_by()[:_MAX_COUNTED].count()
    return counts


def mine_filter(username: str) -> GroupFilter:
    """What is still somebody's: not resolved, not muted, and nobody else's."""
    return GroupFilter(states=MINE, owners=(username, NOBODY))


def list_versions(group: LetterGroup) -> tuple[list[str], list[str]]:
    """The versions and the releases of the nodes on which the newest open letters of a group died,
    each newest first."""
    letters = open_letters(group).order_by("-id")
    found = list(letters.values_list("worker_version", "worker_release")[:_VERSIONS_OF])
    return _distinct(each for each, _ in found), _distinct(each for _, each in found)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))[:_MAX_VERSIONS]


def list_similar(group: LetterGroup) -> list[LetterGroup]:
    """Other groups with the same failure, the same class of error or the same type, those with the
    newest deaths first; among the newest groups of the workspace."""
    groups = LetterGroup.objects.filter(workspace_id=group.workspace_id)
    newest = groups.order_by("-last_seen", "-id").values("id")[:_SIMILAR_AMONG]
    alike = Q(fingerprint=group.fingerprint) | Q(type=group.type)
    if group.error_class:
        alike |= Q(error_class=group.error_class)
    found = LetterGroup.objects.filter(alike, id__in=newest).exclude(id=group.id)
    return list(found.order_by("-last_seen", "-id")[:MAX_SIMILAR])


def list_members(group: LetterGroup, limit: int) -> list[DeadLetter]:
    """The newest open letters of a group, newest first, without their attempts."""
    return list(open_letters(group).defer("attempts").order_by("-id")[:limit])


def open_letters(group: LetterGroup) -> QuerySet[DeadLetter]:
    """The open letters of a group: an index finds the newest."""
    return _letters_of(group, LetterStatus.OPEN)


def _letters_of(group: LetterGroup, status: LetterStatus) -> QuerySet[DeadLetter]:
    return DeadLetter.objects.filter(
        workspace_id=group.workspace_id,
        status=status,
        fingerprint=group.fingerprint,
        type=group.type,
    )


def list_notes(group_id: UUID) -> list[GroupNote]:
    """The newest notes of a group, newest first."""
    return list(GroupNote.objects.filter(group_id=group_id).order_by("-id")[:MAX_NOTES])


@dataclass(frozen=True, slots=True)
class Trends:
    """Deaths of the last hour by step, oldest first, for each (fingerprint, type) that has any.
    `is_partial`: only of the newest TREND_LETTERS letters. `total`: letters that were looked at."""

    begin: datetime
    is_partial: bool
    total: int
    bars: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def of(self, group: LetterGroup) -> list[int]:
        return self.bars.get((group.fingerprint, group.type), [0] * TREND_BARS)


def read_trends(workspace_id: UUID, groups: Sequence[LetterGroup]) -> Trends:
    """The trends of these groups. One statement."""
    seconds = int(TREND_STEP.total_seconds())
    end = int(now().timestamp()) // seconds * seconds + seconds
    begin = datetime.fromtimestamp(end, tz=now().tzinfo) - TREND_BARS * TREND_STEP
    keys = {**_keys(groups), "workspace": workspace_id}
    more: dict[str, Any] = {"since": begin, "seconds": seconds, "most": TREND_LETTERS}
    bars: dict[tuple[str, str], list[int]] = {}
    total = 0
    with connection.cursor() as cursor:
        cursor.execute(load_sql("dlq", "trace_groups"), {**keys, **more})
        for fingerprint, type_name, step, number in cursor.fetchall():
            if fingerprint is None:
                total = number
            else:
                found = bars.setdefault((fingerprint, type_name), [0] * TREND_BARS)
                found[min(max(step, 0), TREND_BARS - 1)] += number
    return Trends(begin, total >= TREND_LETTERS, total, bars)


def _keys(groups: Sequence[LetterGroup]) -> dict[str, Any]:
    return {
        "workspace": groups[0].workspace_id if groups else None,
        "fingerprints": [group.fingerprint for group in groups],
        "types": [group.type for group in groups],
    }
