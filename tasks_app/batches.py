"""Batches: work on many items, each done once, at a rate and some at a time: submitted as a task,
or changed by a bulk operation.

A kind of batch has a model derived from `Batch`, one of items derived from `BatchItem`, and a
`BatchDriver`, whose `drive` is a sweep of the dispatcher. Each pass has one transaction for each
batch, in which the batch's row is locked: tasks, items and counters are committed together. So two
dispatchers never submit the same item, and a dispatcher that is killed at any line leaves the batch
as it was before the pass.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, models, transaction
from django.db.models import Count, F, Q, QuerySet

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import Conflict
from controlplane.core.ids import uuid7
from controlplane.core.runtime.pacing import spend, tokens
from controlplane.core.sql import load_sql

logger = logging.getLogger(__name__)

# After the stages of a canary the newest outcomes decide whether the batch continues.
RECENT = 20
DELETED = "DELETED"  # the outcome of an item whose task is gone
_COMPLETED = "COMPLETED"
MAX_BATCHES = 100  # of one kind in a pass
_MAX_REASON = 1_000

# Whether a pass has lasted long enough.
IsEnough = Callable[[], bool]


class Batch(models.Model):
    """The base of every kind of batch. A kind adds its own `state`, and items with a foreign key
    whose `related_name` is `items`. While `paused_at` is set nothing is submitted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    rate_per_second = models.FloatField(null=True)  # null: no limit
    submitted = models.IntegerField(default=0)  # items that were submitted, or done
    last_submit_at = models.DateTimeField(null=True)  # from which the rate counts
    # The open item that was read last; null: reading begins with the first.
    read_after = models.BigIntegerField(null=True)
    paused_at = models.DateTimeField(null=True)
    stop_reason = models.TextField(blank=True, default="")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=utc_now)
    finished_at = models.DateTimeField(null=True)

    items: Any  # the manager of the items

    class Meta:
        abstract = True


class BatchItem(models.Model):
    """One item that was submitted. `outcome` is empty while its task is open, then the task's final
    state, or DELETED."""

    id = models.BigAutoField(primary_key=True)
    task_id = models.UUIDField()
    stage = models.IntegerField(default=0)
    outcome = models.CharField(max_length=10, blank=True, default="")

    class Meta:
        abstract = True


BatchT = TypeVar("BatchT", bound=Batch)


class BatchDriver(ABC, Generic[BatchT]):
    """The dispatcher's work for one kind of batch."""

    model: ClassVar[type[Batch]]
    label: ClassVar[str]
    # What `advance` may change on the batch beside PROGRESS_FIELDS.
    progress_fields: ClassVar[Sequence[str]] = ()
    PROGRESS_FIELDS: ClassVar[Sequence[str]] = ("submitted", "last_submit_at", "read_after")

    @abstractmethod
    def list_due(self) -> list[UUID]:
        """A bounded number of batches with work, those that waited longest first."""

    @abstractmethod
    def advance(self, batch: BatchT, now: datetime) -> bool:
        """Do the due work of a batch whose row is locked. Returns whether more can be done at
        once."""

    @abstractmethod
    def give_up(self, batch_id: UUID, reason: str) -> None:
        """Stop a batch that cannot continue."""

    def drive(self, *, now: datetime | None = None) -> bool:
        """Make one pass over the due batches. Returns whether one of them can continue at once.

        `now` is the time from which rates count.
        """
        has_more = False
        for batch_id in self.list_due():
            try:
                has_more |= self._drive_one(batch_id, now or utc_now())
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                # One batch that cannot go on must not keep the others from their work.
                logger.exception("Batch stopped by an error: kind=%s id=%s", self.label, batch_id)
                reason = f"An error stopped it: {type(error).__name__}: {error}"
                self.give_up(batch_id, reason[:_MAX_REASON])
        return has_more

    @transaction.atomic
    def _drive_one(self, batch_id: UUID, now: datetime) -> bool:
        rows = self.model._default_manager.select_for_update(skip_locked=True)
        batch: Any = rows.filter(id=batch_id).first()
        if batch is None:
            return False
        has_more = self.advance(batch, now)
        batch.save(update_fields=[*self.PROGRESS_FIELDS, *self.progress_fields])
        return has_more


def deadline(seconds: float) -> IsEnough:
    """Whether these seconds are over, from now on."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def submission_room(batch: Batch, now: datetime, *, limit: int) -> int:
    """How many items may be submitted now: none while the batch is paused, at most `limit`."""
    if batch.paused_at is not None:
        return 0
    return max(0, min(limit, tokens(batch, now)))


def record_submission(batch: Batch, items: Sequence[BatchItem], now: datetime) -> None:
    """Write the items whose tasks were submitted in the open transaction, and charge the rate."""
    batch.items.bulk_create(items)
    batch.submitted += len(items)
    if items:
        batch.last_submit_at = spend(batch, len(items), now)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The result of one read of open items: tasks by new outcome, and those still open. `is_round`:
    there are no open items after those that were read."""

    ended: dict[str, list[UUID]]
    open: list[UUID]
    is_round: bool

    def count(self, *outcomes: str) -> int:
        """How many tasks had one of these outcomes; without arguments, how many have ended."""
        return sum(len(self.ended.get(name, ())) for name in outcomes or self.ended)


def read_outcomes(batch: Batch, *, limit: int) -> Outcomes:
    """Record the outcomes of at most `limit` open items, from where the last read stopped; after
    the last item it begins with the first again. A removed task counts as DELETED."""
    field = batch.items.field
    statement = load_sql("tasks_app", "read_batch_outcomes").format(
        items=field.model._meta.db_table, batch=field.column
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "batch": batch.id,
                "workspace": batch.workspace_id,
                "after": batch.read_after or 0,
                "limit": limit,
            },
        )
        rows = cursor.fetchall()
    is_round = sum(len(tasks) for _, tasks, _ in rows) < limit
    batch.read_after = None if is_round else max(last for _, _, last in rows)
    found = {outcome: tasks for outcome, tasks, _ in rows}
    return Outcomes(open=found.pop("", []), ended=found, is_round=is_round)


def has_open(batch: Batch) -> bool:
    """Whether no end of the item's task was recorded."""
    return bool(batch.items.filter(outcome="").exists())


@dataclass(frozen=True, slots=True)
class StageProgress:
    """The progress of one stage of a batch. `size` is None for the rest, after the stages of the
    canary; then `ended` and `failed` count the RECENT newest ended items only. `open` counts all
    stages."""

    number: int  # from 0
    size: int | None
    submitted: int
    open: int
    ended: int
    failed: int
    is_exhausted: bool  # every item of the batch was submitted or skipped

    @property
    def is_over(self) -> bool:
        """All items are submitted and have ended."""
        return self.is_exhausted and self.open == 0

    @property
    def is_stage_over(self) -> bool:
        """The stage of the canary is full, and all of it has ended."""
        return self.size is not None and self.submitted >= self.size and self.open == 0

    @property
    def counted(self) -> int:
        """The number of items that the share of failures refers to. A stage that could not be
        filled is measured by the items it has."""
        if self.size is None:
            return RECENT
        return self.submitted if self.is_exhausted else max(self.size, self.submitted)

    def exceeds(self, max_failure_share: float) -> bool:
        """The stop rule: whether too many failed. A stage of the canary does not wait for the rest
        when its verdict can no longer change; it has a verdict even if no item is left after it."""
        if self.size is None and (self.is_exhausted or self.ended < RECENT):
            return False
        if self.is_exhausted and self.open:
            return False  # nothing is left that could be spared, so the verdict can wait for all
        return self.failed > max_failure_share * self.counted


def read_stage(
    batch: Batch, stage: int, sizes: Sequence[int], *, is_exhausted: bool
) -> StageProgress:
    """Count the items of one stage; `sizes` are those of the canary's stages."""
    in_stage = batch.items.filter(stage=stage)
    is_canary = stage < len(sizes)
    if is_canary:
        ended = ~Q(outcome="")
        counts = in_stage.aggregate(
            all=Count("id"),
            ended=Count("id", filter=ended),
            failed=Count("id", filter=ended & ~Q(outcome=_COMPLETED)),
        )
        submitted, done, failed = counts["all"], counts["ended"], counts["failed"]
    else:
        newest = in_stage.exclude(outcome="").order_by("-id")
        outcomes = list(newest.values_list("outcome", flat=True)[:RECENT])
        submitted, done = 0, len(outcomes)
        failed = sum(outcome != _COMPLETED for outcome in outcomes)
    return StageProgress(
        number=stage,
        size=sizes[stage] if is_canary else None,
        submitted=submitted,
        open=batch.items.filter(outcome="").count(),
        ended=done,
        failed=failed,
        is_exhausted=is_exhausted,
    )


def set_paused(batch: Batch, at: datetime | None, *, began: datetime | None = None) -> None:
    """Pause (`at` a time) or resume (None) a batch whose row is locked; with `began`, resume it
    only from the pause that began then. Submitted tasks continue. Raises Conflict."""
    name = batch._meta.verbose_name
    if at is not None and batch.paused_at is not None:
        raise Conflict(f"The {name} is already paused.")
    if at is None and batch.paused_at is None:
        raise Conflict(f"The {name} is not paused.")
    if began not in (None, batch.paused_at):
        raise Conflict(f"The {name} has been resumed and paused again since.")
    batch.paused_at = at
    batch.save(update_fields=["paused_at"])


def longest_waiting(batches: QuerySet[Any]) -> list[UUID]:
    """MAX_BATCHES of these batches, those first whose last submission is longest ago."""
    waiting = batches.order_by(F("last_submit_at").asc(nulls_first=True), "id")
    return list(waiting.values_list("id", flat=True)[:MAX_BATCHES])


def prune_one(ended: QuerySet[Any], *, before: datetime) -> int:
    """Remove the oldest of these ended batches that finished before a time, with its items, of
    which there may be many: one batch in each pass. Returns how many were removed."""
    with transaction.atomic():
        old = ended.filter(finished_at__lt=before).order_by("id")
        batch = old.select_for_update(skip_locked=True).first()
        if batch is None:
            return 0
        batch.delete()
    return 1
