"""What must be true at the end, read by SQL: the code of no release is trusted with it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString, NamedTuple

import psycopg

from scripts.upgrade.load import SCHEDULE, STEPS

_UNFINISHED = """
SELECT count(*) FROM tasks_app_task
WHERE state NOT IN ('COMPLETED', 'FAILED') AND type LIKE 'upgrade-%'
"""
_OPEN_RUNS = "SELECT count(*) FROM workflows_workflowrun WHERE state <> 'COMPLETED'"
# The dispatcher learns of the end of a firing's task a moment after it.
_OPEN_FIRINGS = "SELECT count(*) FROM schedules_firing WHERE state IN ('QUEUED', 'STARTED')"
_OPEN = (_UNFINISHED, _OPEN_RUNS, _OPEN_FIRINGS)
_TASKS = """
SELECT t.id::text, t.type, t.state, t.attempt,
    t.workflow_run_id IS NOT NULL OR t.id IN (SELECT task_id FROM schedules_firing) AS has_owner,
    coalesce(array_agg(a.outcome::text) FILTER (WHERE a.attempt IS NOT NULL), '{}') AS outcomes
FROM tasks_app_task t LEFT JOIN tasks_app_taskattempt a ON a.task_id = t.id
WHERE t.type LIKE 'upgrade-%' GROUP BY t.id
"""
_LETTERS = """
SELECT count(*), count(DISTINCT l.task_id), count(DISTINCT t.id)
FROM tasks_app_task t LEFT JOIN dlq_deadletter l ON l.task_id = t.id
WHERE t.type = 'upgrade-doomed' AND t.state = 'FAILED'
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
    """Tasks, runs and firings that have not ended."""
    with psycopg.connect(url, autocommit=True) as connection:
        return sum(_read(connection, query)[0] for query in _OPEN)


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
        _check_letters(connection, result)
        _check_runs(connection, result, runs)
        _check_schedule(connection, result)
    return result


class Task(NamedTuple):
    """A task and the outcomes of its attempts. `has_owner`: it is of a run or of a schedule."""

    id: str
    type: str
    state: str
    attempt: int
    has_owner: bool
    outcomes: list[str]

    @property
    def is_doomed(self) -> bool:
        return self.type == "upgrade-doomed"

    @property
    def is_right(self) -> bool:
        """Whether it ended as its handler lets it, by exactly one attempt."""
        state, successes = ("FAILED", 0) if self.is_doomed else ("COMPLETED", 1)
        return (self.state, self.outcomes.count("SUCCEEDED")) == (state, successes)

    @property
    def was_interrupted(self) -> bool:
        """What such an attempt did may be done again."""
        return not {"INTERRUPTED", "LOST"}.isdisjoint(self.outcomes)


def _check_tasks(
    connection: psycopg.Connection,
    result: Result,
    acknowledged: Sequence[str],
    traces: Sequence[tuple[str, str]],
) -> None:
    tasks = {row[0]: Task(*row) for row in connection.execute(_TASKS).fetchall()}
    times = Counter(task for task, _ in traces)
    known = set(acknowledged)
    again = [task for task, number in times.items() if number > 1]
    lost = known - tasks.keys()
    never = {task.id for task in tasks.values() if not task.is_doomed} - times.keys()
    result.expect(len(lost), "acknowledged tasks are missing")
    result.expect(_count(tasks, lambda t: not t.is_right), "tasks did not end as they must, once")
    result.expect(_count(tasks, lambda t: len(t.outcomes) != t.attempt), "tasks have lost attempts")
    result.expect(
        _count(tasks, lambda t: not t.has_owner and t.id not in known), "tasks are there twice"
    )
    silent = [task for task in again if task not in tasks or not tasks[task].was_interrupted]
    result.expect(len(silent), "tasks ran to their end twice, and nothing says so")
    result.expect(len(never), "tasks are recorded as completed, and never ran")
    result.expect(len(times.keys() - tasks.keys()), "tasks ran that are not recorded")
    result.figures |= {
        "acknowledged": len(acknowledged),
        "lost": len(lost),
        "doubled": _count(tasks, lambda t: t.outcomes.count("SUCCEEDED") > 1),
        "completed": _count(tasks, lambda t: t.state == "COMPLETED"),
        "retried, then completed": _count(
            tasks, lambda t: not t.is_doomed and "FAILED" in t.outcomes
        ),
        "interrupted or lost": _count(tasks, lambda t: t.was_interrupted),
        "executed again": len(again),
    }


def _count(tasks: Mapping[str, Task], condition: Callable[[Task], bool]) -> int:
    return sum(condition(task) for task in tasks.values())


def _check_letters(connection: psycopg.Connection, result: Result) -> None:
    rows, letters, failed = _read(connection, _LETTERS)
    result.expect(failed - letters, "failed tasks have no dead letter")
    result.expect(rows - failed, "failed tasks have two dead letters")
    result.figures |= {"failed, with a dead letter each": failed}


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
