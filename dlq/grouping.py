"""What the dispatcher does for groups of letters: counts, regressions, resolutions, mutes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.services import record_audit
from dlq import transitions
from dlq.models import LetterGroup
from dlq.queries.groups import list_versions
from dlq.queries.reruns import NIL, follow_reruns
from dlq.states import LetterRerun
from dlq.transitions import GroupChange

TARGET = "failure-group"
_LETTERS = 2_000  # looked at in a pass
_GROUPS = 500


def count_in_groups(changes: Sequence[GroupChange]) -> None:
    """Bring groups up to date with folded counts, in the open transaction. A group that was
    resolved and has a new death is reopened, and keeps the versions and releases of the nodes on
    which its tasks died."""
    for group_id in transitions.count_in_groups(changes):
        group = LetterGroup.objects.get(id=group_id)
        versions, releases = list_versions(group)
        LetterGroup.objects.filter(id=group_id).update(
            regressed_versions=versions, regressed_releases=releases
        )
        detail = {"versions": versions, **({"releases": releases} if releases else {})}
        _audit(group.workspace_id, group_id, "dlq.group_regress", **detail)


class GroupUpkeep:
    """One pass follows a portion of the tasks that do work again, and looks at a portion of the
    groups without an open letter; the next pass continues behind them."""

    def __init__(self) -> None:
        self._letter = self._group = NIL

    def run(self) -> bool:
        """Returns whether there may be more to do at once."""
        has_more = self._follow()
        self._resolve()
        with transaction.atomic():
            for group, workspace in transitions.end_mutes(limit=_GROUPS):
                _audit(workspace, group, "dlq.group_unmute")
        return has_more

    def _follow(self) -> bool:
        """Whether all that were looked at had ended."""
        found = follow_reruns(after=self._letter, limit=_LETTERS)
        is_full = len(found) == _LETTERS
        self._letter = max(found) if is_full else NIL
        ended = {letter: rerun for letter, rerun in found.items() if rerun != LetterRerun.NONE}
        if ended:
            with transaction.atomic():
                transitions.note_reruns(ended)
        return is_full and len(ended) == len(found)

    def _resolve(self) -> None:
        with transaction.atomic():
            resolved = transitions.resolve_groups(
                after=self._group, since=_oldest_kept(), limit=_GROUPS
            )
            for group, workspace in resolved:
                _audit(workspace, group, "dlq.group_resolve")
        self._group = max(group for group, _ in resolved) if len(resolved) == _GROUPS else NIL


def prune_groups(limit: int) -> int:
    """Remove at most `limit` groups whose letters are all past their retention. Returns how many
    were removed."""
    with transaction.atomic():
        groups = LetterGroup.objects.filter(last_seen__lt=_oldest_kept(), letters=0)
        doomed = groups.order_by("last_seen").select_for_update(skip_locked=True)
        ids = list(doomed.values_list("id", flat=True)[:limit])
        LetterGroup.objects.filter(id__in=ids).delete()
    return len(ids)


def _oldest_kept() -> datetime:
    return now() - timedelta(days=settings.TASKPLANE["DLQ_RETENTION_DAYS"])


def _audit(workspace_id: UUID, group_id: UUID, action: str, **detail: Any) -> None:
    record_audit(workspace_id, SYSTEM, action, TARGET, group_id, detail)
