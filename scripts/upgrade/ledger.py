"""What must be true at the end, read by SQL: the code of no release is trusted with it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg

from scripts.upgrade.load import SCHEDULE, STEPS

_UNFINISHED = """
SELECT count(*) FROM tasks_app_task WHERE state <> 'COMPLETED' AND type LIKE 'upgrade-%'
"""
_OPEN_RUNS = "SELECT count(*) FROM workflows_workflowrun WHERE state <> 'COMPLETED'"
_OUTCOMES = """
SELECT t.id::text, t.type, t.state, t.attempt,
    array_agg(a.outcome::text ORDER BY a.attempt) FILTER (WHERE a.attempt IS NOT NULL)
FROM tasks_app_task t LEFT JOIN tasks_app_taskattempt a ON a.task_id = t.id
WHERE t.type LIKE 'upgrade-%' GROUP BY t.id
"""
_RUNS = "SELECT id::text, state FROM workflows_workflowrun"
_STEP_TASKS = """
SELECT count(*) FROM tasks_app_task
WHERE workflow_run_id IS NOT NULL AND type LIKE 'upgrade-%'
"""
_FIRINGS = """
SELECT count(*), count(DISTINCT scheduled_for), count(DISTINCT task_id),
    count(*) FILTER (WHERE state = 'COMPLETED'),
    1 + extract(epoch FROM max(scheduled_for) - min(scheduled_for))::int
FROM schedules_firing f JOIN schedules_schedule s ON s.id = f.schedule_id
WHERE s.name = %s
"""


@dataclass
class Result:
    """The figures, and what is not as it must be."""

    figures: dict[str, int | str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def expect(self, count: int, sentence: str) -> None:
        """A fault, unless the count is 0."""
        if count:
            self.faults.append(f"{count} {sentence}")


def count_open(url: str) -> int:
    """Tasks and runs that have not completed."""
    with psycopg.connect(url, autocommit=True) as connection:
        return sum(_read(connection, query)[0] for query in (_UNFINISHED, _OPEN_RUNS))


def read_traces(file: Path) -> list[tuple[str, str]]:
    """Task and release of each execution that came to its end."""
    lines = [line.split() for line in file.read_text().splitlines()]
    return [(task, release) for task, release, _ in lines]


def check(
    url: str, *, tasks: Sequence[str], runs: Sequence[str], traces: Sequence[tuple[str, str]]
) -> Result:
    """Compare what was acknowledged with the records, and both with what ran."""
    result = Result()
    with psycopg.connect(url, autocommit=True) as connection:
        _check_tasks(connection, result, tasks, traces)
        _check_runs(connection, result, runs)
        _check_schedule(connection, result)
    return result


def _check_tasks(
    connection: psycopg.Connection,
    result: Result,
    acknowledged: Sequence[str],
    traces: Sequence[tuple[str, str]],
) -> None:
    rows = {row[0]: row[1:] for row in connection.execute(_OUTCOMES).fetchall()}
    missing = [task for task in acknowledged if task not in rows]
    unfinished = [task for task in acknowledged if task in rows and rows[task][1] != "COMPLETED"]
    outcomes = {task: row[3] or [] for task, row in rows.items()}
    doubled = [task for task, ended in outcomes.items() if ended.count("SUCCEEDED") != 1]
    gaps = [task for task, row in rows.items() if len(outcomes[task]) != row[2]]
    times = Counter(task for task, _ in traces)
    # What an interrupted or lost attempt did may be done again; anything else may not.
    excused = {task for task, ended in outcomes.items() if {"INTERRUPTED", "LOST"} & set(ended)}
    again = [task for task, number in times.items() if number > 1]
    result.expect(len(missing), "acknowledged tasks are missing")
    result.expect(len(unfinished), "acknowledged tasks did not complete")
    result.expect(len(doubled), "tasks do not have exactly one successful attempt")
    result.expect(len(gaps), "tasks have attempts with gaps")
    result.expect(len(set(again) - excused), "tasks ran to their end twice, and nothing says so")
    result.expect(len(rows.keys() - times.keys()), "tasks are recorded as completed, and never ran")
    result.expect(len(times.keys() - rows.keys()), "tasks ran that are not recorded")
    result.figures |= {
        "acknowledged": len(acknowledged),
        "lost": len(missing),
        "completed": sum(1 for row in rows.values() if row[1] == "COMPLETED"),
        "completed twice": len(doubled),
        "executed again": len(again),
        "attempts": sum(len(ended) for ended in outcomes.values()),
        "retried": sum("FAILED" in ended for ended in outcomes.values()),
        "interrupted or lost attempts": sum(
            ended.count("INTERRUPTED") + ended.count("LOST") for ended in outcomes.values()
        ),
    }


def _check_runs(
    connection: psycopg.Connection, result: Result, acknowledged: Sequence[str]
) -> None:
    runs = {row[0]: row[1] for row in connection.execute(_RUNS).fetchall()}
    completed = [run for run in acknowledged if runs.get(run) == "COMPLETED"]
    steps = _read(connection, _STEP_TASKS)[0]
    result.expect(len(acknowledged) - len(completed), "workflow runs did not complete")
    result.expect(len(runs.keys() - set(acknowledged)), "workflow runs were started twice")
    result.expect(abs(steps - STEPS * len(runs)), "tasks of steps too many or too few")
    result.figures |= {"workflow runs": len(completed), "their tasks": steps}


def _check_schedule(connection: psycopg.Connection, result: Result) -> None:
    firings, times, tasks, completed, seconds = _read(connection, _FIRINGS, SCHEDULE)
    result.expect(seconds - times, "times of the schedule have no firing")
    result.expect(firings - times, "times of the schedule have two firings")
    result.expect(firings - tasks, "firings have no task of their own")
    result.expect(firings - completed, "firings did not complete")
    result.figures |= {"firings": firings}


def _read(connection: psycopg.Connection, query: LiteralString, *values: str) -> list[int]:
    """The numbers of the one row."""
    rows = connection.execute(query, values or None).fetchall()
    return [int(value or 0) for row in rows for value in row]
