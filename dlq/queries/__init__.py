"""Reads of dead letters and replays, and of the tasks that die."""

from dlq.queries.letters import (
    DAYS_SHOWN,
    MAX_GROUPS,
    count_letters,
    count_open,
    find_total,
    get_chain,
    get_letter,
    get_letter_stats,
    iterate_letter_ids,
    list_groups,
    list_letters,
    list_open_letters,
    list_types,
)
from dlq.queries.replays import (
    FailingGroup,
    describe_replay,
    get_replay,
    list_failing,
    list_replays,
    list_stages,
    percent_replayed,
)

__all__ = [
    "DAYS_SHOWN",
    "MAX_GROUPS",
    "FailingGroup",
    "count_letters",
    "count_open",
    "describe_replay",
    "find_total",
    "get_chain",
    "get_letter",
    "get_letter_stats",
    "get_replay",
    "iterate_letter_ids",
    "list_failing",
    "list_groups",
    "list_letters",
    "list_open_letters",
    "list_replays",
    "list_stages",
    "list_types",
    "percent_replayed",
]
