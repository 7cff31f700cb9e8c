"""Live topic: dead letters."""

from uuid import UUID

from controlplane.core.schema import field_names, represent
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, register, rows
from dlq.queries import get_letter_stats
from dlq.schema import Group, LetterStats

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


register(Topic("dlq", read=read_letters, resource="dlq", every_seconds=2))
