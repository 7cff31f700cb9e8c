"""Roll-ups and samples: the same story as numbers."""

from collections import Counter
from datetime import datetime, timedelta
from math import exp, sin
from random import Random

from controlplane.core.runtime.histograms import bucket_of
from controlplane.workspaces.models import Workspace
from scripts.demo.story import HOUR, LOSS, MINUTE, SLOTS, Lane, World, share
from scripts.demo.work import Death
from tasks_app.models import MinuteSample, Queue, QueueSample, Rollup, RollupMark

# Minutes before now: each of the last six hours, before that one in ten, which stands for all ten.
_MINUTES = (*range(6 * 60), *range(6 * 60, 26 * 60, 10))
_FINE = 6 * 60
_HOURS = 7 * 24
# Factors of the usual time with their shares: a bell with a long end.
_SPREAD = tuple(
    (2 ** (step / 12), 0.054 * exp(-((step + 3) ** 2) / (72 if step < 0 else 198)))
    for step in range(-21, 31)
)
_SUMS = (
    "submitted", "started", "completed", "failed", "failed_tasks", "retried", "run_ms", "wait_ms",
)  # fmt: skip


class Figures:
    """The figures of one workspace."""

    def __init__(self, world: World, workspace: Workspace, now: datetime, random: Random) -> None:
        self.world, self.workspace, self.random = world, workspace, random
        self.now, self.minute = now, now.replace(second=0, microsecond=0)

    def make(self, queues: dict[str, Queue], deaths: list[Death]) -> None:
        """Minutes of a day, hours of a week, and samples of a day."""
        died: Counter[tuple[datetime, str]] = Counter(
            (at.replace(second=0, microsecond=0), lane.queue) for at, lane in deaths
        )
        for lane in self.world.lanes:
            queue = queues[lane.queue]
            minutes = self._minutes(lane, queue, died) if lane.per_minute else []
            Rollup.objects.bulk_create(minutes, batch_size=500)
            Rollup.objects.bulk_create(self._hours(lane, queue, minutes), batch_size=500)
            QueueSample.objects.bulk_create(self._samples(lane, queue), batch_size=500)

    def _minutes(
        self, lane: Lane, queue: Queue, died: Counter[tuple[datetime, str]]
    ) -> list[Rollup]:
        found = []
        for number in reversed(_MINUTES):
            at = self.minute - MINUTE * number
            part = 1.0 if number < _FINE else 10.0
            completed = round(lane.per_minute * part * self._vary(number))
            if lane.queue == "billing" and share(at, self.now) > 0:
                completed = completed // 2
            if self.world.has_incident and LOSS - 2 * MINUTE < self.now - at <= LOSS + MINUTE:
                completed = round(completed * 0.82)
            failed_tasks = died[at, lane.queue]
            retried = failed_tasks + self._usual_retries(lane, part)
            run_ms = 14_000 if lane.queue == "billing" and share(at, self.now) > 0 else lane.run_ms
            found.append(
                self._rollup(60, at, lane, queue, completed, failed_tasks, retried, run_ms)
            )
        return found

    def _usual_retries(self, lane: Lane, minutes: float) -> int:
        usual = lane.per_minute * lane.retried * minutes
        return int(usual) + (self.random.random() < usual % 1)

    def _vary(self, number: int) -> float:
        return 1 + 0.05 * sin(number / 40) + self.random.uniform(-0.06, 0.06)

    def _rollup(self, seconds: int, at: datetime, lane: Lane, queue: Queue, completed: int,
                failed_tasks: int, retried: int, run_ms: float) -> Rollup:  # fmt: skip
        failed = failed_tasks + retried
        attempts = completed + failed
        wait_ms = max(40.0, lane.oldest.total_seconds() * 250)
        return Rollup(
            workspace_id=self.workspace.id,
            seconds=seconds,
            at=at,
            queue_id=queue.id,
            type=lane.type,
            submitted=completed + failed_tasks,
            started=attempts,
            completed=completed,
            failed=failed,
            failed_tasks=failed_tasks,
            retried=retried,
            lost=0,
            cancelled=0,
            run_ms=attempts * run_ms,
            wait_ms=attempts * wait_ms,
            longest_run_ms=run_ms * 2.5,
            longest_wait_ms=wait_ms * 2.5,
            runs=_spread(attempts, run_ms),
            waits=_spread(attempts, wait_ms),
        )

    def _hours(self, lane: Lane, queue: Queue, minutes: list[Rollup]) -> list[Rollup]:
        """Those that the minutes cover are their sums; earlier ones are as usual."""
        found: dict[datetime, Rollup] = {}
        for each in minutes:
            hour = each.at.replace(minute=0)
            if hour not in found:
                found[hour] = self._rollup(3_600, hour, lane, queue, 0, 0, 0, lane.run_ms)
            _add(found[hour], each)
        first = min(found, default=self.minute.replace(minute=0))
        if lane.per_minute:
            for number in range(1, _HOURS):
                at = first - HOUR * number
                daily = 1 + 0.25 * sin((at.hour - 6) / 3.82)
                completed = round(lane.per_minute * 60 * daily)
                retried = round(completed * lane.retried)
                found[at] = self._rollup(3_600, at, lane, queue, completed, 0, retried, lane.run_ms)
        return list(found.values())

    def _samples(self, lane: Lane, queue: Queue) -> list[QueueSample]:
        found = []
        for number in _MINUTES:
            at = self.minute - MINUTE * number
            waiting, wait = self._waited(lane, at)
            running = round(lane.running * (0.75 if number > 35 else 0.98) * self._vary(number))
            if waiting or running:
                found.append(
                    QueueSample(
                        queue_id=queue.id,
                        at=at,
                        waiting=waiting,
                        running=min(running, lane.max_running or running),
                        oldest_wait_ms=round(wait.total_seconds() * 1_000) if waiting else None,
                    )
                )
        return found

    def _waited(self, lane: Lane, at: datetime) -> tuple[int, timedelta]:
        ago = self.now - at
        if lane.queue == "billing":
            grown = share(at, self.now) ** 1.5
            waiting = lane.before + (lane.waiting - lane.before) * grown
            wait = timedelta(seconds=4) + (lane.oldest - timedelta(seconds=4)) * grown
            return round(waiting * self._vary(0)), wait * self.random.uniform(0.94, 1.03)
        if lane.queue == "media":
            paused = max(0.0, 1 - ago / (2 * HOUR))
            return round(lane.waiting * paused), (2 * HOUR) * paused
        grown = max(0.0, 1 - ago / HOUR)
        waiting = lane.before + (lane.waiting - lane.before) * grown
        return round(waiting * self._vary(round(ago / MINUTE))), lane.oldest * self.random.uniform(
            0.6, 1.1
        )


def make_minutes(now: datetime) -> None:
    """That every minute of the day was sampled, with the slots; and how far the roll-ups go."""
    minute = now.replace(second=0, microsecond=0)
    MinuteSample.objects.bulk_create(
        [
            MinuteSample(
                at=minute - MINUTE * number,
                nodes=(nodes := 6 if number > 47 else 7 if number > 25 else 8),
                slots=nodes * SLOTS,
            )
            for number in _MINUTES
        ],
        batch_size=500,
        ignore_conflicts=True,
    )
    RollupMark.objects.update_or_create(id=1, defaults={"until": minute})


def _spread(count: int, mean: float) -> dict[str, int]:
    found: Counter[str] = Counter()
    left = count
    for factor, part in _SPREAD:
        number = min(left, round(count * part))
        if number:
            found[str(bucket_of(mean * factor))] += number
        left -= number
    if left > 0:
        found[str(bucket_of(mean))] += left
    return dict(found)


def _add(hour: Rollup, minute: Rollup) -> None:
    for name in _SUMS:
        setattr(hour, name, getattr(hour, name) + getattr(minute, name))
    for name in ("runs", "waits"):
        counts: Counter[str] = Counter(getattr(hour, name))
        counts.update(getattr(minute, name))
        setattr(hour, name, dict(counts))
