"""Dead letters and replays in the admin."""

from dlq.admin.inbox import GroupAdmin
from dlq.admin.letters import LetterAdmin
from dlq.admin.replays import ReplayAdmin
from dlq.admin.tasklinks import find_letters

__all__ = ["GroupAdmin", "LetterAdmin", "ReplayAdmin", "find_letters"]
