"""How far a replay has come, stage by stage and in words, for its pages and its live topic."""

from dataclasses import dataclass

from controlplane.core.formatting import format_number, format_percent
from controlplane.core.schema import represent_value
from dlq.models import Replay
from dlq.queries.replays import list_stages
from dlq.states import ReplayState


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that has begun, or that is to come. `number` is from 1."""

    number: int
    title: str
    size: int
    done: int
    failed: int
    has_begun: bool

    @property
    def words(self) -> str:
        if not self.has_begun:
            return f"waits for stage {self.number - 1}" if self.number > 1 else "begins soon"
        again = f", {format_number(self.failed)} failed" if self.failed else ""
        return f"{format_number(self.done)} done{again}"

    @property
    def done_share(self) -> float:
        """Its share of the letters, 0 to 1."""
        return min(1.0, self.done / self.size)

    @property
    def failed_share(self) -> float:
        return min(1.0 - self.done_share, self.failed / self.size)

    @property
    def done_percent(self) -> str:
        return f"{100 * self.done_share:.2f}%"

    @property
    def failed_percent(self) -> str:
        return f"{100 * self.failed_share:.2f}%"


def describe_stages(replay: Replay) -> list[Stage]:
    """All stages that have a letter."""
    begun = {each.number: each for each in list_stages(replay)}
    left, found = replay.matched, []
    for number in range(len(replay.stages) + 1):
        is_rest = number == len(replay.stages)
        size = left if is_rest else min(left, replay.stages[number])
        if size <= 0:
            break
        left -= size
        name = "The rest," if is_rest and number else "All" if is_rest else "Next"
        name = "First" if not number and not is_rest else name
        stage = begun.get(number)
        found.append(
            Stage(
                number=number + 1,
                title=f"{number + 1}. {name} {format_number(size)}",
                size=size,
                done=0 if stage is None else stage.succeeded,
                failed=0 if stage is None else stage.failed,
                has_begun=stage is not None,
            )
        )
    return found


def describe_progress(replay: Replay) -> str:
    """What its tasks have come to, and how it ended."""
    counts = (
        f"{format_number(replay.succeeded)} of {format_number(replay.submitted)} completed, "
        f"{format_number(replay.failed)} failed again."
    )
    if replay.state == ReplayState.RUNNING:
        limit = format_percent(replay.max_failure_share)
        return f"{counts} It stops by itself above {limit} failures."
    reason = str(represent_value("error", replay.stop_reason, None) or "")
    return f"{counts} {replay.get_state_display()}. {reason}".strip()
