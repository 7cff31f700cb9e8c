"""Writes to dead letters, one verb per use case."""

from dlq.services.actions import LetterActionResult, act_on_letters
from dlq.services.discarding import discard_letter
from dlq.services.driving import drive_replays
from dlq.services.recording import record_deaths, record_repeats
from dlq.services.replays import cancel_replay, start_replay
from dlq.services.reprocessing import check_reprocessing, reprocess_letter
from dlq.services.retention import prune_letters

__all__ = [
    "LetterActionResult",
    "act_on_letters",
    "cancel_replay",
    "check_reprocessing",
    "discard_letter",
    "drive_replays",
    "prune_letters",
    "record_deaths",
    "record_repeats",
    "reprocess_letter",
    "start_replay",
]
