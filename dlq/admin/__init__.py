"""Dead letters and replays in the admin."""

from dlq.admin.letters import LetterAdmin
from dlq.admin.replays import ReplayAdmin

__all__ = ["LetterAdmin", "ReplayAdmin"]
