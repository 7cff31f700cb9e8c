"""Dead letters, their groups, and replays."""

from dlq.models.groups import GroupNote, LetterGroup
from dlq.models.letters import DeadLetter, LetterCount, LetterCountChange
from dlq.models.replays import Replay, ReplayTask

__all__ = [
    "DeadLetter",
    "GroupNote",
    "LetterCount",
    "LetterCountChange",
    "LetterGroup",
    "Replay",
    "ReplayTask",
]
