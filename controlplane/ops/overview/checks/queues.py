"""Checks of the queues of one workspace."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from controlplane.core.formatting import format_count, format_duration, shorten
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
from controlplane.ops.overview.facts import Facts, QueueFact

_MIN_SLOWER = 2.0  # times the usual run time
_UNSERVED_SECONDS = 15.0  # a worker that is started again takes less
_MINUTE = timedelta(minutes=1)

_QUEUES = Link("tasks_app_queue_changelist")
_OTHER_LATE = Others("queues", "miss their wait objective.", Harm.LATE, _QUEUES, "Open queues")
_OTHER_UNSERVED = Others(
    "queues without a worker", "have tasks that wait.", Harm.LATE, _QUEUES, "Open queues"
)
_OTHER_PAUSED = Others(
    "paused queues", "have tasks that wait.", Harm.PAUSED, _QUEUES, "Open queues"
)


def check_queues(facts: Facts) -> Found:
    """The longest wait of each queue against the objective, and whether a worker serves it. A
    paused one waits on purpose; without any worker `check_workers` speaks for all."""
    checked = [queue for queue in facts.queues if queue.paused_at is None]
    late = [queue for queue in checked if misses_objective(queue, facts.objective_seconds)]
    late.sort(key=lambda queue: -(queue.oldest_seconds or 0))
    found = _sum_up(late, lambda queue: _late(queue, facts), _OTHER_LATE)
    names = {queue.name for queue in late}
    unserved = [
        each for each in checked if each.name not in names and lacks_worker(each, facts.live_nodes)
    ]
    found += _sum_up(unserved, lambda queue: _unserved(queue, facts), _OTHER_UNSERVED)
    return found, len(checked)


def _sum_up(
    queues: Sequence[QueueFact], describe: Callable[[QueueFact], Finding], others: Others
) -> list[Finding]:
    named, rest = split(queues)
    found = [describe(queue) for queue in named]
    if rest:
        found.append(others.count([(_key(each), visible_name(each.name)) for each in rest]))
    return found


def _key(queue: QueueFact) -> str:
    return f"{'queue' if queue.paused_at is None else 'paused'}:{queue.name}"


def lacks_worker(queue: QueueFact, live_nodes: int) -> bool:
    """Whether a ready task waits though no worker takes work of its queue, while others live."""
    if queue.is_served or queue.oldest_seconds is None or not live_nodes:
        return False
    return queue.paused_at is None and queue.oldest_seconds > _UNSERVED_SECONDS


def _unserved(queue: QueueFact, facts: Facts) -> Finding:
    waits = "waits" if queue.waiting == 1 else "wait"
    return Finding(
        key=_key(queue),
        harm=Harm.LATE,
        subject=visible_name(queue.name),
        says=f"has no worker, and {format_count(queue.waiting, 'task')} {waits}.",
        why="Start one that takes this queue, or find out why the last one ended.",
        queue=queue.name,
        since=facts.at - timedelta(seconds=queue.oldest_seconds or 0),
        link=Link("tasks_app_queue_change", (queue.id,)),
        action="Open queue",
    )


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
        key=_key(queue),
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
    waiting = [queue for queue in paused if queue.waiting]
    return _sum_up(waiting, _paused, _OTHER_PAUSED), len(paused)


def _paused(queue: QueueFact) -> Finding:
    by = f" by {isolated_text(queue.paused_by)}" if queue.paused_by else ""
    waits = "waits" if queue.waiting == 1 else "wait"
    reason = shorten(queue.pause_reason, ERROR_SHOWN)
    return Finding(
        key=_key(queue),
        harm=Harm.PAUSED,
        subject=visible_name(queue.name),
        says=f"is paused{by}, and {format_count(queue.waiting, 'task')} {waits}.",
        why=f"Reason: {isolated_text(reason)}" if reason else "No reason was given.",
        queue=queue.name,
        since=queue.paused_at,
        link=Link("tasks_app_queue_change", (queue.id,)),
        action="Open queue",
    )
