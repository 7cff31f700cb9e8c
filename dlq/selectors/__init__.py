"""Reads of dead letters and replays."""

from dlq.selectors.letters import (
    LetterChain,
    count_letters,
    get_chain,
    get_letter,
    iterate_letter_ids,
    list_letters,
)
from dlq.selectors.replays import (
    FailingGroup,
    ReplayView,
    StageView,
    describe_replay,
    get_replay,
    list_replays,
)
from dlq.selectors.stats import LetterGroup, LetterStats, get_letter_stats, list_groups

__all__ = [
    "FailingGroup",
    "LetterChain",
    "LetterGroup",
    "LetterStats",
    "ReplayView",
    "StageView",
    "count_letters",
    "describe_replay",
    "get_chain",
    "get_letter",
    "get_letter_stats",
    "get_replay",
    "iterate_letter_ids",
    "list_groups",
    "list_letters",
    "list_replays",
]
