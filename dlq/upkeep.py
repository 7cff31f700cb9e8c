"""What the dispatcher does for dead letters."""

from controlplane.core.runtime import sweeps
from dlq.grouping import GroupUpkeep, prune_groups
from dlq.recording import fold_letter_counts, prune_letters
from dlq.replay_driver import ReplayDriver
from dlq.replays import prune_replays
from tasks_app.services import register_pruner

register_pruner("deadLetters", prune_letters)
register_pruner("letterGroups", prune_groups)
register_pruner("replays", prune_replays)
sweeps.register("replays", every_seconds=0.5, make=lambda: ReplayDriver().drive)
sweeps.register("letter-counts", every_seconds=2.0, make=lambda: fold_letter_counts)
sweeps.register("letter-groups", every_seconds=2.0, make=lambda: GroupUpkeep().run)
