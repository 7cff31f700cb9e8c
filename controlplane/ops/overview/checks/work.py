"""Checks of the work of one workspace: queues, types, dead letters, schedules."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from controlplane.core.formatting import (
    format_count,
    format_duration,
    format_percent,
    format_relative,
    shorten,
)
from controlplane.core.visibletext import isolated_text, visible_name
from controlplane.ops.overview.checks.finding import Evidence, Finding, Harm, Link
from controlplane.ops.overview.facts import Facts, QueueFact, TypeFact
from controlplane.ops.overview.significance import exceeds_rate, wilson
from controlplane.ops.schedules.queries.failing import FailingSchedule
from tasks_app.admin.links import quoted
from tasks_app.queries.rates import TypeRates

Found = tuple[list[Finding], int]

RECENT = timedelta(minutes=15)  # in which a type's rate is compared with its baseline
FAILED_IN_A_ROW = 3
_MIN_ATTEMPTS = 20  # of a type, recently and before
_MIN_EXCESS = 0.01  # of all attempts, above the baseline: fewer are no reason to wake anybody
_NO_BASELINE = 0.5  # the share above which a type that ran less than a day fails too often
_MIN_LETTERS = 10
_EXPLAINED = 0.8  # of the new letters: then the type's own sentence says it
_MIN_SLOWER = 2.0  # times the usual run time
_MOST = 8
_ERROR_SHOWN = 100
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


def check_queues(facts: Facts) -> Found:
    """The longest wait of each queue against the objective. A paused one waits on purpose."""
    checked = [queue for queue in facts.queues if queue.paused_at is None]
    late = [queue for queue in checked if misses_objective(queue, facts.objective_seconds)]
    late.sort(key=lambda queue: -(queue.oldest_seconds or 0))
    return [_late(queue, facts) for queue in late[:_MOST]], len(checked)


def misses_objective(queue: QueueFact, objective: float) -> bool:
    """Whether a ready task has waited longer than it should."""
    return (
        queue.paused_at is None
        and queue.oldest_seconds is not None
        and queue.oldest_seconds > objective
    )


def _late(queue: QueueFact, facts: Facts) -> Finding:
    waited = format_duration(queue.oldest_seconds)
    objective = format_duration(facts.objective_seconds)
    return Finding(
        key=f"queue:{queue.name}",
        harm=Harm.LATE,
        subject=visible_name(queue.name),
        says=f"misses its wait objective: the oldest task has waited {waited} instead of "
        f"{objective}.",
        why=_why_late(queue, facts),
        queue=queue.name,
        since=_late_since(queue, facts),
        link=Link("tasks_app_queue_change", (queue.id,)),
        action="Open queue",
        evidence=Evidence(
            caption="oldest wait, objective dashed",
            words=f"Oldest wait of {queue.name} over one hour; it is {waited} now.",
            values=queue.waits,
            now=queue.oldest_seconds,
            target=facts.objective_seconds,
        ),
    )


def _why_late(queue: QueueFact, facts: Facts) -> str:
    """What holds the queue back, and what would not help."""
    if not queue.is_served:
        return "No live worker takes work of this queue."
    sentences = []
    if queue.holders:
        name, number = queue.holders[0]
        held = "the only slot" if queue.running == 1 else f"{number} of its {queue.running} slots"
        sentences.append(f"{isolated_text(name)} holds {held}{_slower(name, facts)}.")
    elif not queue.running:
        sentences.append("None of its tasks runs.")
    if queue.max_running is not None and queue.running >= queue.max_running:
        limit = format_count(queue.max_running, "running task")
        sentences.append(f"Its limit of {limit} is reached: more workers would not help.")
    elif queue.rate_per_second is not None:
        sentences.append(f"Its rate is limited to {queue.rate_per_second:g} starts per second.")
    return " ".join(sentences)


def _slower(name: str, facts: Facts) -> str:
    """That a type takes longer than it did, if it does."""
    rates = next((fact.rates for fact in facts.types if fact.rates.type == name), None)
    if rates is None or not rates.mean_run or not rates.mean_run_before:
        return ""
    if rates.mean_run < _MIN_SLOWER * rates.mean_run_before:
        return ""
    before, now = format_duration(rates.mean_run_before), format_duration(rates.mean_run)
    return f"; its mean run time rose from {before} to {now}"


def _late_since(queue: QueueFact, facts: Facts) -> datetime:
    """When the wait left the objective: by the samples, or if they end sooner, when the oldest task
    should have started."""
    begin = facts.at - timedelta(seconds=(queue.oldest_seconds or 0) - facts.objective_seconds)
    minute = facts.at.replace(second=0, microsecond=0)
    for number, value in enumerate(reversed(queue.waits)):
        if value is None:
            continue  # not sampled
        if value <= facts.objective_seconds:
            break
        begin = min(begin, minute - _MINUTE * number)
    return begin


def check_paused_queues(facts: Facts) -> Found:
    """A pause is easily forgotten."""
    paused = [queue for queue in facts.queues if queue.paused_at is not None]
    found = [_paused(queue) for queue in paused if queue.waiting]
    return found[:_MOST], len(paused)


def _paused(queue: QueueFact) -> Finding:
    by = f" by {isolated_text(queue.paused_by)}" if queue.paused_by else ""
    waits = "waits" if queue.waiting == 1 else "wait"
    reason = shorten(queue.pause_reason, _ERROR_SHOWN)
    return Finding(
        key=f"paused:{queue.name}",
        harm=Harm.PAUSED,
        subject=visible_name(queue.name),
        says=f"is paused{by}, and {format_count(queue.waiting, 'task')} {waits}.",
        why=f"Reason: {isolated_text(reason)}" if reason else "No reason was given.",
        queue=queue.name,
        since=queue.paused_at,
        link=Link("tasks_app_queue_change", (queue.id,)),
        action="Open queue",
    )


def check_types(facts: Facts) -> Found:
    """The failed attempts of each type against its own rate of the day before."""
    checked = [fact for fact in facts.types if _attempts(fact.rates) >= _MIN_ATTEMPTS]
    found = [fact for fact in checked if leaves_baseline(fact.rates)]
    found.sort(key=lambda fact: -fact.rates.failed)
    return [_failing(fact, facts) for fact in found[:_MOST]], len(checked)


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
    """The inbox has only those without a retry left."""
    query = {"workspace": facts.workspace_id, "type": quoted(name), "status": "RETRYING,FAILED"}
    return Link("tasks_app_task_changelist", query=urlencode(query))


def _inbox_of(facts: Facts) -> Link:
    return Link("dlq_lettergroup_changelist", query=urlencode({"workspace": facts.workspace_id}))


def _why_failing(fact: TypeFact, facts: Facts) -> str:
    sentences = []
    if fact.error:
        message = shorten(str(fact.error.get("message") or "").strip(), _ERROR_SHOWN)
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
    return [_repeated(each, facts) for each in facts.failing[:_MOST]], facts.schedules


def _repeated(schedule: FailingSchedule, facts: Facts) -> Finding:
    times = schedule.failures
    known = f"{times} times" if times < len(schedule.times) else f"at least {times} times"
    last = schedule.last_completed
    completed = "" if last is None else f"; it last completed {_say_when(last, facts)}"
    error = schedule.error if isinstance(schedule.error, dict) else {}
    name = str(error.get("class") or "")
    message = shorten(str(error.get("message") or "").strip(), _ERROR_SHOWN).rstrip(".")
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
