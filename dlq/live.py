"""Live topics: dead letters, their groups, and replays."""

from datetime import timedelta
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.schema import field_names, represent, represent_value
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, read_uuid, register, rows
from dlq.filters import GroupFilter
from dlq.groupschema import LetterGroup
from dlq.queries import get_letter_stats, get_replay
from dlq.queries.groups import describe_groups, list_letter_groups
from dlq.replayprogress import describe_progress, describe_stages
from dlq.replayschema import Replay
from dlq.schema import Group, LetterStats
from dlq.states import GroupState

_MAX_GROUPS = 50  # of either kind
_RESOLVED_SHOWN = timedelta(hours=1)  # so that an open page sees it

_FIELDS = tuple(name for name in field_names(LetterStats) if name != "groups")


def read_letters(workspace_id: UUID, _key: str) -> Snapshot:
    """The counts of dead letters, and the largest groups of open ones by fingerprint."""
    stats = get_letter_stats(workspace_id)
    return {
        **represent(LetterStats, stats, WATCHER, fields=_FIELDS),
        "groups": rows(
            (group.fingerprint, represent(Group, group, WATCHER)) for group in stats.groups
        ),
    }


def read_groups(workspace_id: UUID, _key: str) -> Snapshot:
    """The groups in which tasks died last, and those that were resolved in the last hour."""
    unresolved = tuple(state for state in GroupState.values if state != GroupState.RESOLVED)
    newest = list_letter_groups(workspace_id, GroupFilter(states=unresolved))
    resolved = list_letter_groups(workspace_id, GroupFilter(states=(GroupState.RESOLVED,)))
    lately = resolved.filter(state_at__gte=now() - _RESOLVED_SHOWN)
    found = [
        *newest.order_by("-last_seen", "-id")[:_MAX_GROUPS],
        *lately.order_by("-state_at", "-id")[:_MAX_GROUPS],
    ]
    return rows(
        (str(view.group.id), represent(LetterGroup, view, WATCHER))
        for view in describe_groups(found)
    )


def read_replay(workspace_id: UUID, key: str) -> Snapshot:
    """A replay, its stages by number, and its progress in words. Raises NotFound."""
    replay = get_replay(workspace_id, UUID(key))
    stages = {
        str(stage.number): {
            "words": stage.words,
            "doneShare": stage.done_share,
            "failedShare": stage.failed_share,
        }
        for stage in describe_stages(replay)
    }
    progress = represent_value("error", describe_progress(replay), WATCHER)
    return {**represent(Replay, replay, WATCHER), "stages": stages, "progress": progress}


register(Topic("failure-groups", read=read_groups, resource="dlq", every_seconds=2))
register(Topic("replay:<id>", read=read_replay, resource="dlq", read_key=read_uuid))
register(Topic("dlq", read=read_letters, resource="dlq", every_seconds=2))
