"""The HTTP API of dead letters and replays."""

from dlq.views.actions import LetterActionsView
from dlq.views.figures import LetterGroupsView, LetterStatsView
from dlq.views.letters import (
    LetterDiscardView,
    LetterReprocessView,
    LettersView,
    LetterView,
)
from dlq.views.replays import (
    ReplayCancelView,
    ReplayPauseView,
    ReplayResumeView,
    ReplaysView,
    ReplayView,
)

__all__ = [
    "LetterActionsView",
    "LetterDiscardView",
    "LetterGroupsView",
    "LetterReprocessView",
    "LetterStatsView",
    "LetterView",
    "LettersView",
    "ReplayCancelView",
    "ReplayPauseView",
    "ReplayResumeView",
    "ReplayView",
    "ReplaysView",
]
