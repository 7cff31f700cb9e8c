"""Whether a replay goes on: what its stage has come to."""

from dataclasses import dataclass

from django.db.models import Count, Q

from dlq.models import Replay, ReplayTask
from dlq.selectors import FailingGroup
from dlq.selectors.replays import list_failing

# After the canary the newest so many that have ended decide.
RECENT = 20
_MESSAGE_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the stage of a replay stands. `size` is None for the rest; of the rest, `ended` and
    `failed` are of the RECENT newest ones that ended. `open` is of all stages."""

    size: int | None
    submitted: int
    open: int
    ended: int
    failed: int
    is_exhausted: bool  # every letter that is meant has had its turn

    @property
    def is_over(self) -> bool:
        """Nothing is left to submit or to wait for."""
        return self.is_exhausted and self.open == 0

    @property
    def is_stage_over(self) -> bool:
        """The canary's stage is full, and all of it has ended."""
        return self.size is not None and self.submitted >= self.size and self.open == 0


def read_standing(replay: Replay) -> Standing:
    """Count the tasks of the replay's stage."""
    of_stage = ReplayTask.objects.filter(replay=replay, stage=replay.stage)
    is_canary = replay.stage < len(replay.stages)
    if is_canary:
        ended = ~Q(outcome="")
        counts = of_stage.aggregate(
            all=Count("id"),
            ended=Count("id", filter=ended),
            failed=Count("id", filter=ended & ~Q(outcome="COMPLETED")),
        )
        submitted, done, failed = counts["all"], counts["ended"], counts["failed"]
    else:
        newest = of_stage.exclude(outcome="").order_by("-letter_id")
        outcomes = list(newest.values_list("outcome", flat=True)[:RECENT])
        submitted, done = 0, len(outcomes)
        failed = sum(outcome != "COMPLETED" for outcome in outcomes)
    return Standing(
        size=replay.stages[replay.stage] if is_canary else None,
        submitted=submitted,
        open=ReplayTask.objects.filter(replay=replay, outcome="").count(),
        ended=done,
        failed=failed,
        is_exhausted=replay.after_id is not None
        and replay.until_id is not None
        and replay.after_id >= replay.until_id,
    )


def why_stopped(replay: Replay, standing: Standing) -> str:
    """The sentence for people when too many failed, or nothing. A canary's stage is not waited
    for when its verdict can no longer change, and has one also when no letter is left after it."""
    if standing.size is None and (standing.is_exhausted or standing.ended < RECENT):
        return ""
    if standing.is_exhausted and standing.open:
        return ""  # nothing is left that could be spared, so the verdict can wait for all
    of = _counted(standing)
    if standing.failed <= replay.max_failure_share * of:
        return ""
    where = (
        f"Stage {replay.stage + 1} of {len(replay.stages) + 1}"
        if standing.size is not None
        else "After the canary"
        if replay.stages
        else "Without a canary"
    )
    said = (
        f"{where}: {standing.failed} of {of} tasks had not completed when it stopped, above the "
        f"{replay.max_failure_share:.0%} limit."
    )
    groups = list_failing(replay.id, most=1)
    return f"{said} {_describe(groups[0])}" if groups else said


def _counted(standing: Standing) -> int:
    """Of how many tasks the share is taken. A stage that could not be filled is what it has."""
    if standing.size is None:
        return RECENT
    return standing.submitted if standing.is_exhausted else max(standing.size, standing.submitted)


def _describe(group: FailingGroup) -> str:
    message = " ".join(group.message.split())[:_MESSAGE_SHOWN]
    times = "once" if group.count == 1 else f"{group.count} times"
    return (
        f"Most frequent ({times}): {group.error_class}: {message} "
        f"({group.category}, fingerprint {group.fingerprint})."
    )
