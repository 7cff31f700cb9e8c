"""Checks of the work of one workspace: types, dead letters, schedules."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from controlplane.core.formatting import (
    format_count,
    format_percent,
    format_relative,
    shorten,
)
from controlplane.core.visibletext import isolated_text, visible_name
from controlplane.ops.overview.checks.finding import (
    ERROR_SHOWN,
    Evidence,
    Finding,
    Found,
    Harm,
    Link,
    Others,
    split,
)
from controlplane.ops.overview.facts import Facts, TypeFact
from controlplane.ops.overview.significance import exceeds_rate, wilson
from controlplane.ops.schedules.queries.failing import FailingSchedule
from tasks_app.admin.links import quoted
from tasks_app.queries.rates import TypeRates

RECENT = timedelta(minutes=15)  # in which a type's rate is compared with its baseline
FAILED_IN_A_ROW = 3
_MIN_ATTEMPTS = 20  # of a type, recently and before
_MIN_EXCESS = 0.01  # of all attempts, above the baseline: fewer are no reason to wake anybody
_NO_BASELINE = 0.5  # the share above which a type that ran less than a day fails too often
_MIN_LETTERS = 10
_EXPLAINED = 0.8  # of the new letters: then the type's own sentence says it

_OTHER_SCHEDULES = Others(
    "schedules",
    f"have failed {FAILED_IN_A_ROW} times in a row or more.",
    Harm.REPEATED,
    Link("schedules_schedule_changelist"),
    "Open schedules",
)


def check_types(facts: Facts) -> Found:
    """The failed attempts of each type against its own rate of the day before."""
    checked = [fact for fact in facts.types if _attempts(fact.rates) >= _MIN_ATTEMPTS]
    found = [fact for fact in checked if leaves_baseline(fact.rates)]
    found.sort(key=lambda fact: -fact.rates.failed)
    named, rest = split(found)
    findings = [_failing(fact, facts) for fact in named]
    if rest:
        others = Others(
            "types", "fail more than usual.", Harm.FAILING, _failed_tasks("", facts), "Open tasks"
        )
        subjects = [(f"type:{each.rates.type}", visible_name(each.rates.type)) for each in rest]
        findings.append(others.count(subjects))
    return findings, len(checked)


def leaves_baseline(rates: TypeRates) -> bool:
    """Whether the recent rate is above the usual one: their Wilson intervals lie apart, and the
    difference is worth a sentence. A type without enough history is judged by a half."""
    if _attempts(rates) < _MIN_ATTEMPTS:
        return False
    low, _ = wilson(rates.failed, _attempts(rates))
    if _attempts_before(rates) < _MIN_ATTEMPTS:
        return low > _NO_BASELINE
    _, usual = wilson(rates.failed_before, _attempts_before(rates))
    return low > usual and _share(rates) - _share_before(rates) > _MIN_EXCESS


def _failing(fact: TypeFact, facts: Facts) -> Finding:
    rates = fact.rates
    has_baseline = _attempts_before(rates) >= _MIN_ATTEMPTS
    usually = f", usually {format_percent(_share_before(rates))}" if has_baseline else ""
    return Finding(
        key=f"type:{rates.type}",
        harm=Harm.FAILING,
        subject=visible_name(rates.type),
        says=f"fails {format_percent(_share(rates))} of the time{usually}: {rates.failed:,} of "
        f"{format_count(_attempts(rates), 'attempt')} in 15 min.",
        why=_why_failing(fact, facts),
        type=rates.type,
        since=fact.since,
        link=_failed_tasks(rates.type, facts),
        action="Open tasks",
        evidence=Evidence(
            caption="failure rate, baseline dashed" if has_baseline else "failure rate",
            words=f"Share of failed attempts of {rates.type} over one hour.",
            values=fact.shares,
            target=_share_before(rates) if has_baseline else None,
        ),
    )


def _failed_tasks(name: str, facts: Facts) -> Link:
    """The inbox has only those without a retry left. Without a name, those of all types."""
    query = {"workspace": facts.workspace_id, "status": "RETRYING,FAILED"}
    if name:
        query["type"] = quoted(name)
    return Link("tasks_app_task_changelist", query=urlencode(query))


def _inbox_of(facts: Facts) -> Link:
    return Link("dlq_lettergroup_changelist", query=urlencode({"workspace": facts.workspace_id}))


def _why_failing(fact: TypeFact, facts: Facts) -> str:
    sentences = []
    if fact.error:
        message = shorten(str(fact.error.get("message") or "").strip(), ERROR_SHOWN)
        name = isolated_text(fact.error.get("class") or "An error")
        sentences.append(f"{name}: {isolated_text(message)}" if message else f"{name}.")
    deaths = facts.letters.new.get(fact.rates.type, 0)
    if deaths:
        total = sum(facts.letters.new.values())
        letters = format_count(total, "new dead letter")
        sentences.append(f"{deaths:,} of {letters} in the last hour.")
    if sentences and not sentences[0].endswith((".", "…", "!", "?")):
        sentences[0] += "."
    return " ".join(sentences)


def check_letters(facts: Facts) -> Found:
    """The deaths of the last hour against those of the day before it. What a failing type explains
    is in the sentence of that type."""
    letters = facts.letters
    new = sum(letters.new.values())
    usual = sum(letters.before.values()) / 24
    failing = [fact.rates.type for fact in facts.types if leaves_baseline(fact.rates)]
    explained = sum(letters.new.get(name, 0) for name in failing)
    if new < _MIN_LETTERS or not exceeds_rate(new, usual) or explained >= _EXPLAINED * new:
        return [], 1
    name, most = max(letters.new.items(), key=lambda item: (item[1], item[0]))
    found = Finding(
        key="letters",
        harm=Harm.FAILING,
        subject="Dead letters",
        says=f"grow: {new:,} in the last hour, usually {usual:.1f}; {letters.open:,} are open.",
        why=f"{most:,} of them are {isolated_text(name)}.",
        type=name,
        link=_inbox_of(facts),
        action="Open dead letters",
        evidence=Evidence(
            caption="open letters",
            words=f"Open dead letters over one hour; {letters.open:,} are open now.",
            values=[float(value) for value in letters.series],
        )
        if letters.an_hour_ago is not None
        else None,
    )
    return [found], 1


def check_schedules(facts: Facts) -> Found:
    """Schedules that failed several times in a row."""
    named, rest = split(facts.failing)
    found = [_repeated(each, facts) for each in named]
    if rest:
        subjects = [(f"schedule:{each.id}", visible_name(each.name)) for each in rest]
        found.append(_OTHER_SCHEDULES.count(subjects))
    return found, facts.schedules


def _repeated(schedule: FailingSchedule, facts: Facts) -> Finding:
    times = schedule.failures
    known = f"{times} times" if times < len(schedule.times) else f"at least {times} times"
    last = schedule.last_completed
    completed = "" if last is None else f"; it last completed {_say_when(last, facts)}"
    error = schedule.error if isinstance(schedule.error, dict) else {}
    name = str(error.get("class") or "")
    message = shorten(str(error.get("message") or "").strip(), ERROR_SHOWN).rstrip(".")
    parts = [isolated_text(part) for part in (name, message) if part]
    why = f"{': '.join(parts)}. " if parts else ""
    if schedule.next_at is not None:
        why += f"It fires next {_say_when(schedule.next_at, facts)}."
    return Finding(
        key=f"schedule:{schedule.id}",
        harm=Harm.REPEATED,
        subject=visible_name(schedule.name),
        says=f"has failed {known} in a row{completed}.",
        why=why.strip(),
        type=schedule.task_type,
        since=schedule.failed_since,
        link=Link("schedules_schedule_change", (schedule.id,)),
        action="Open schedule",
        evidence=Evidence(
            caption=f"last {format_count(len(schedule.completed), 'run')}",
            words=f"{sum(schedule.completed)} of the last "
            f"{format_count(len(schedule.completed), 'run')} completed.",
            completed=schedule.completed[::-1],
        ),
    )


def _say_when(moment: datetime, facts: Facts) -> str:
    """`in 22 h`, `5 h ago`, `at 2026-01-31 23:59 UTC`."""
    when = format_relative(moment, facts.at)
    is_distance = when.startswith("in ") or when.endswith(" ago")
    return when if is_distance or when == "now" else f"at {when}"


def _attempts(rates: TypeRates) -> int:
    return rates.completed + rates.failed


def _attempts_before(rates: TypeRates) -> int:
    return rates.completed_before + rates.failed_before


def _share(rates: TypeRates) -> float:
    return rates.failed / max(1, _attempts(rates))


def _share_before(rates: TypeRates) -> float:
    return rates.failed_before / max(1, _attempts_before(rates))
