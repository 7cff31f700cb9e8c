"""Checks of what every workspace shares: the processes, the workers, the fleet."""

from datetime import timedelta

from controlplane.core.formatting import (
    format_count,
    format_duration,
    format_relative,
    format_size,
    format_state,
)
from controlplane.core.visibletext import isolated_text, visible_name
from controlplane.ops.overview.checks.finding import (
    Evidence,
    Finding,
    Found,
    Harm,
    Link,
    Others,
    split,
)
from controlplane.ops.overview.facts import Facts, Loop, LostNode

# A due schedule is decided, and a due task is made ready, twice a second; a longer wait is a fault.
_LATE_SECONDS = 30.0
# Roll-ups are made several times a minute.
_OLD_FIGURES = timedelta(minutes=5)
LOSS_SHOWN = timedelta(hours=1)
MAX_LOST = 5  # with a sentence each
_GROWTH_MINUTES = 10
_MIN_GROWTH = 20


def check_dispatcher(facts: Facts) -> Found:
    """Without it nothing is promoted, rescued or woken again."""
    if facts.dispatcher.leads:
        return [], 1
    found = Finding(
        key="dispatcher",
        harm=Harm.STANDSTILL,
        subject="The dispatcher",
        says=f"does not run{_seen(facts.dispatcher, facts)}.",
        why="Delayed tasks, retries and schedules wait, and lost workers are not noticed. Start "
        "`manage.py dispatch`.",
        since=facts.dispatcher.seen_at,
        link=Link("workers_node_changelist"),
        action="Open workers",
    )
    return [found], 1


def check_workers(facts: Facts) -> Found:
    """Somebody must take the work that waits."""
    waiting = sum(queue.waiting for queue in facts.queues if queue.paused_at is None)
    if facts.live_nodes or not waiting:
        return [], 1
    found = Finding(
        key="workers",
        harm=Harm.STANDSTILL,
        subject="No worker",
        says=f"takes work, and {_waiting(waiting)}.",
        why="Start one with `manage.py worker`, or look why those that ran have ended.",
        link=Link("workers_node_changelist"),
        action="Open workers",
    )
    return [found], 1


def check_autoscaler(facts: Facts) -> Found:
    """One that is off or was never started is no fault; one that has stopped is."""
    if not facts.fleet.is_on or facts.autoscaler.seen_at is None:
        return [], 0
    link, action = Link("scaling_pool_changelist"), "Open scaling"
    if not facts.autoscaler.leads:
        found = Finding(
            key="autoscaler",
            harm=Harm.LATE,
            subject="The autoscaler",
            says=f"has stopped{_seen(facts.autoscaler, facts)}.",
            why="The number of workers stays as it is. Start `manage.py autoscale`.",
            since=facts.autoscaler.seen_at,
            link=link,
            action=action,
        )
        return [found], 1
    if facts.fleet.problem:
        found = Finding(
            key="autoscaler",
            harm=Harm.LATE,
            subject="The autoscaler",
            says="cannot change the number of workers.",
            why=facts.fleet.problem,
            link=link,
            action=action,
        )
        return [found], 1
    return [], 1


def check_overdue_schedules(facts: Facts) -> Found:
    """The dispatcher must keep up with the schedules."""
    if facts.overdue_seconds <= _LATE_SECONDS or not facts.dispatcher.leads:
        return [], 1
    found = Finding(
        key="overdue",
        harm=Harm.LATE,
        subject="Schedules",
        says=f"are late: one has been due for {format_duration(facts.overdue_seconds)}, and is "
        "normally decided within a second.",
        why="The dispatcher runs, but is too slow.",
        since=facts.at - timedelta(seconds=facts.overdue_seconds),
        link=Link("schedules_schedule_changelist"),
        action="Open schedules",
    )
    return [found], 1


def check_overdue_tasks(facts: Facts) -> Found:
    """Delayed tasks and retries must become ready when they are due."""
    if facts.overdue_task_seconds <= _LATE_SECONDS or not facts.dispatcher.leads:
        return [], 1
    found = Finding(
        key="overdue-tasks",
        harm=Harm.LATE,
        subject="Delayed tasks and retries",
        says=f"are late: one has been due for {format_duration(facts.overdue_task_seconds)}, and "
        "normally becomes ready within a second.",
        why="The dispatcher runs, but cannot keep up or fails to make them ready: see its log.",
        since=facts.at - timedelta(seconds=facts.overdue_task_seconds),
        # One dispatcher serves all workspaces: the task may be another one's.
        link=Link("workers_node_changelist"),
        action="Open workers",
    )
    return [found], 1


def check_figures(facts: Facts) -> Found:
    """Rates and percentiles come from roll-ups: without new ones nothing seems to fail."""
    until = facts.summed_until
    if until is None or facts.at - until <= _OLD_FIGURES or not facts.dispatcher.leads:
        return [], 1
    found = Finding(
        key="figures",
        harm=Harm.LATE,
        subject="Figures",
        says="are old: throughput, failure rates and percentiles end "
        f"{format_relative(until, facts.at)}.",
        why="The dispatcher runs, but fails to sum up what has ended: see its log.",
        since=until,
        link=Link("workers_node_changelist"),
        action="Open workers",
    )
    return [found], 1


def check_fleet(facts: Facts) -> Found:
    """The fleet is as large as it may be, and still more waits."""
    fleet = facts.fleet
    if not fleet.is_on or fleet.target is None:
        return [], 0
    recent = [value for value in fleet.waiting[-_GROWTH_MINUTES:] if value is not None]
    waits = [queue.oldest_seconds or 0 for queue in facts.queues if queue.paused_at is None]
    is_late = max(waits, default=0) > facts.objective_seconds
    if fleet.target < fleet.maximum or len(recent) < 2 or not is_late:
        return [], 1
    before, now = int(recent[0]), int(recent[-1])
    if now - before < _MIN_GROWTH or now < before * 1.1:
        return [], 1
    minutes = format_count(len(recent) - 1, "minute")
    found = Finding(
        key="fleet",
        harm=Harm.LATE,
        subject="The fleet",
        says=f"cannot follow: it is at its maximum of {format_count(fleet.maximum, 'worker')}, and "
        f"waiting grew from {before:,} to {now:,} in {minutes}.",
        why="Raise the maximum, or find out why the work takes longer.",
        link=Link("scaling_pool_changelist"),
        action="Open scaling",
        evidence=Evidence(
            caption="waiting tasks",
            words=f"Waiting tasks grew from {before:,} to {now:,}.",
            values=fleet.waiting,
        ),
    )
    return [found], 1


def check_lost_nodes(facts: Facts) -> Found:
    """Nodes that were lost within the last hour."""
    lost = [node for node in facts.lost if facts.at - node.lost_at < LOSS_SHOWN]
    named, rest = split(lost, MAX_LOST)
    found = [_lost(node, facts) for node in named]
    if rest:
        others = Others(
            "nodes", "were lost.", Harm.LOST, Link("workers_node_changelist"), "Open workers"
        )
        found.append(others.count([(f"node:{each.id}", visible_name(each.name)) for each in rest]))
    return found, facts.live_nodes + len(lost)


def _lost(node: LostNode, facts: Facts) -> Finding:
    memory = [value for value in node.memory if value is not None]
    used = f" It used {format_size(int(memory[-1]))} of memory." if memory else ""
    reason = node.reason.strip().rstrip(".").removeprefix("It was ")
    return Finding(
        key=f"node:{node.id}",
        harm=Harm.LOST,
        subject=visible_name(node.name),
        says=f"was lost: {isolated_text(reason)}."
        if reason
        else "was lost: its heartbeat stopped.",
        why=_describe_loss(node) + used,
        since=node.lost_at,
        is_moment=True,
        link=Link("workers_node_change", (node.id,)),
        action="Open node",
        evidence=Evidence(
            caption="memory until the end",
            words=f"Memory of {node.name} until it was lost.",
            values=node.memory,
        )
        if len(memory) > 1
        else None,
    )


def _describe_loss(node: LostNode) -> str:
    """In which state the tasks that it took along are now."""
    total = node.tasks if node.states is None else sum(node.states.values())
    if not total:
        return "It took no task along."
    took = f"It took {format_count(total, 'task')} along"
    if node.states is None:
        return f"{took}; they were taken back."
    parts = sorted(node.states.items(), key=lambda item: (-item[1], item[0]))
    return f"{took}: now {', '.join(f'{number:,} {format_state(name)}' for name, number in parts)}."


def _seen(loop: Loop, facts: Facts) -> str:
    if loop.seen_at is None:
        return ": it has never been seen"
    return f": it was last seen {format_relative(loop.seen_at, facts.at)}"


def _waiting(number: int) -> str:
    return f"{format_count(number, 'task')} {'waits' if number == 1 else 'wait'}"
