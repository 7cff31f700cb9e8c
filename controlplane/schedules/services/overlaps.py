"""What a nominal time does while the firing before it has not ended."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from controlplane.schedules.models import Firing, Schedule
from controlplane.schedules.services.starting import due_to_start, has_unfinished, is_plain
from controlplane.schedules.states import FiringKind, FiringState, Overlap, SkipReason

MOST_QUEUED = 100  # of one schedule


@dataclass(frozen=True, slots=True)
class Verdict:
    """Skip it for this reason, let it wait, or start it now."""

    detail: str
    waits: bool = False
    reason: SkipReason | None = None


class Line:
    """The unfinished firings of one locked schedule, as its due times join them one by one."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._has_started = False
        self._queued: int | None = None

    def judge(self, kind: FiringKind, moment: datetime, at: datetime) -> Verdict:
        """What is to be done with this nominal time, found at `at`.

        Made-up times wait for each other, since a time that is made up for is not to be dropped for
        the one before it.
        """
        is_made_up = kind == FiringKind.CATCH_UP
        if self._schedule.overlap != Overlap.ALLOW and self._is_busy():
            if self._schedule.overlap == Overlap.SKIP and not is_made_up:
                detail = "The firing before it had not ended."
                return Verdict(detail, reason=SkipReason.OVERLAP)
            return self._queue("It waits until the firing before it has ended.")
        if is_plain(self._schedule):
            return self._queue("It waits to be sent.")
        if self._schedule.workflow_id and due_to_start(self._schedule, moment) > at:
            return self._queue("It waits for its jitter.")
        self._has_started = True
        return Verdict("It was missed, and is made up for." if is_made_up else "Its time came.")

    def _queue(self, detail: str) -> Verdict:
        queued = self._count_queued()
        if queued >= MOST_QUEUED:
            detail = f"{queued} firings waited already."
            return Verdict(detail, reason=SkipReason.QUEUE_FULL)
        self._queued = queued + 1
        return Verdict(detail, waits=True)

    def _count_queued(self) -> int:
        if self._queued is None:
            queued = Firing.objects.filter(schedule=self._schedule, state=FiringState.QUEUED.value)
            self._queued = queued.count()
        return self._queued

    def _is_busy(self) -> bool:
        return self._has_started or self._count_queued() > 0 or self._is_unfinished

    @cached_property
    def _is_unfinished(self) -> bool:
        return has_unfinished(self._schedule)
