"""What is on record of a chunk's tasks, held against its plan. Pure; facts of chunks add up."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any
from uuid import UUID

from controlplane.stress.planning import CANCELLED, COMPLETES, FAILS
from tasks_app.histograms import bucket_of, merge
from tasks_app.selectors.ledger import Ledger, LedgerAttempt
from tasks_app.states import FINAL, AttemptOutcome, TaskState

MOST_EXAMPLES = 5
_ENDS = {COMPLETES: "COMPLETED", FAILS: "FAILED", CANCELLED: "CANCELLED"}


@dataclass(slots=True)
class Facts:
    """Counts of tasks, unless said otherwise. Distributions hold milliseconds."""

    planned: int = 0
    planned_failed: int = 0
    planned_cancelled: int = 0
    missing: int = 0  # planned and submitted, and not there
    unended: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    wrongly_failed: int = 0  # FAILED, which was not planned
    wrongly_spared: int = 0  # ended otherwise than FAILED or CANCELLED, which was planned
    wrongly_cancelled: int = 0  # CANCELLED, which was not planned
    attempts: int = 0  # on record
    charged: int = 0  # attempts that the tasks say they had
    unmatched: int = 0  # whose attempts on record are not those that were charged
    duplicated: int = 0  # that succeeded twice, ran on after success, or ran twice at once
    edges: int = 0  # on record
    disordered: int = 0  # that started before a parent had ended
    outcomes: dict[str, int] = field(default_factory=dict)  # attempts by outcome
    waits: dict[int, int] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)
    longest_wait: float = 0.0
    longest_run: float = 0.0
    first_start: float | None = None  # seconds of the epoch
    last_end: float | None = None
    examples: dict[str, list[str]] = field(default_factory=dict)  # task ids by what is wrong

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Facts":
        """Facts that were kept as JSON, whose objects have texts as names."""
        values = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        for name in ("waits", "runs"):
            values[name] = histogram_of(values.get(name, {}))
        return cls(**values)


def histogram_of(data: Mapping[str, int]) -> dict[int, int]:
    """A distribution that was kept as JSON."""
    return {int(bucket): count for bucket, count in data.items()}


def add_up(several: Iterable[Facts]) -> Facts:
    """The facts of all chunks together."""
    total = Facts()
    for facts in several:
        for each in fields(Facts):
            mine, other = getattr(total, each.name), getattr(facts, each.name)
            setattr(total, each.name, _joined(each.name, mine, other))
    return total


def _joined(name: str, mine: Any, other: Any) -> Any:
    if name in ("waits", "runs"):
        return merge([mine, other])
    if name == "outcomes":
        return dict(Counter(mine) + Counter(other))
    if name == "examples":
        return {
            kind: [*mine.get(kind, []), *other.get(kind, [])][:MOST_EXAMPLES]
            for kind in {**mine, **other}
        }
    if name in ("first_start", "last_end"):
        known = [value for value in (mine, other) if value is not None]
        return (min if name == "first_start" else max)(known) if known else None
    if name in ("longest_wait", "longest_run"):
        return max(mine, other)
    return mine + other


def read_times(attempts: Iterable[LedgerAttempt]) -> tuple[dict[int, int], dict[int, int]]:
    """The distributions of waits and of run times of these attempts."""
    waits: Counter[int] = Counter()
    runs: Counter[int] = Counter()
    for attempt in attempts:
        waits[bucket_of(float(attempt.wait_ms))] += 1
        runs[bucket_of(_ms(attempt))] += 1
    return dict(waits), dict(runs)


def establish(ids: Sequence[UUID], fates: str, ledger: Ledger) -> Facts:
    """The facts of one chunk: its task ids with the fate of each, and what is on record."""
    facts = Facts(
        planned=len(ids),
        planned_failed=fates.count(FAILS),
        planned_cancelled=fates.count(CANCELLED),
        attempts=len(ledger.attempts),
        charged=sum(task.attempt for task in ledger.tasks),
        edges=len(ledger.edges),
        outcomes=dict(Counter(attempt.outcome for attempt in ledger.attempts)),
    )
    tries = {task: list(rows) for task, rows in groupby(ledger.attempts, lambda row: row.task_id)}
    _read_ends(facts, dict(zip(ids, fates, strict=True)), ledger)
    _read_attempts(facts, ledger, tries)
    _read_order(facts, ledger, tries)
    facts.waits, facts.runs = read_times(ledger.attempts)
    if ledger.attempts:
        facts.longest_wait = float(max(row.wait_ms for row in ledger.attempts))
        facts.longest_run = max(map(_ms, ledger.attempts))
        facts.first_start = min(row.started_at for row in ledger.attempts).timestamp()
    ends = [task.finished_at for task in ledger.tasks if task.finished_at]
    facts.last_end = max(ends).timestamp() if ends else None
    return facts


def _read_ends(facts: Facts, fates: Mapping[UUID, str], ledger: Ledger) -> None:
    states = {task.id: task.state for task in ledger.tasks}
    for task, fate in fates.items():
        state = states.get(task)
        if state is None:
            facts.missing += 1
            _note(facts, "lost", task)
        elif state not in FINAL:
            facts.unended += 1
            _note(facts, "lost", task)
        else:
            _read_end(facts, task, state, fate)


def _read_end(facts: Facts, task: UUID, state: str, fate: str) -> None:
    count = state.lower()
    setattr(facts, count, getattr(facts, count) + 1)
    if state == _ENDS[fate]:
        return
    if state == TaskState.CANCELLED:
        facts.wrongly_cancelled += 1
        _note(facts, "cancellations", task)
    elif state == TaskState.FAILED:
        facts.wrongly_failed += 1
        _note(facts, "failures", task)
    else:
        facts.wrongly_spared += 1
        _note(facts, "failures", task)


def _read_attempts(
    facts: Facts, ledger: Ledger, tries: Mapping[UUID, Sequence[LedgerAttempt]]
) -> None:
    for task in ledger.tasks:
        rows = tries.get(task.id, [])
        numbers = [row.attempt for row in rows]
        is_proved = task.state != TaskState.COMPLETED or any(map(_succeeded, rows))
        if numbers != list(range(1, task.attempt + 1)) or not is_proved:
            facts.unmatched += 1
            _note(facts, "attempts", task.id)
        if any(_ran_twice(one, later) for one, later in pairwise(rows)):
            facts.duplicated += 1
            _note(facts, "duplicated", task.id)


def _ran_twice(attempt: LedgerAttempt, later: LedgerAttempt) -> bool:
    return _succeeded(attempt) or later.started_at < attempt.finished_at


def _read_order(
    facts: Facts, ledger: Ledger, tries: Mapping[UUID, Sequence[LedgerAttempt]]
) -> None:
    disordered: dict[UUID, None] = {}
    for edge in ledger.edges:
        rows = tries.get(edge.task_id)
        if not rows:
            continue
        first: datetime = min(row.started_at for row in rows)
        if edge.parent_finished_at is None or first < edge.parent_finished_at:
            disordered[edge.task_id] = None
    facts.disordered = len(disordered)
    for task in disordered:
        _note(facts, "order", task)


def _succeeded(attempt: LedgerAttempt) -> bool:
    return attempt.outcome == AttemptOutcome.SUCCEEDED


def _ms(attempt: LedgerAttempt) -> float:
    return (attempt.finished_at - attempt.started_at).total_seconds() * 1_000


def _note(facts: Facts, kind: str, task: UUID) -> None:
    examples = facts.examples.setdefault(kind, [])
    if len(examples) < MOST_EXAMPLES:
        examples.append(str(task))
