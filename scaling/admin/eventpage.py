"""The description of an event. Records of older releases may lack some values."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from controlplane.core.admin.display import (
    Table,
    badge,
    draw_bar,
    link,
    show_time,
)
from controlplane.core.formatting import (
    EMPTY,
    format_duration,
    format_elapsed,
    format_json,
    format_number,
    format_percent,
    format_time,
)
from controlplane.core.visibletext import isolated_text
from controlplane.workspaces.actors import SYSTEM
from scaling.models import Launch, ScalingEvent
from scaling.sentences import change, workers
from scaling.states import LaunchState, Trigger

_CONSTRAINTS = {
    "stabilisation": "More workers were recommended or present a moment ago.",
    "waiting": "Too many tasks are waiting to remove a worker.",
    "cooldown": "The threshold rule waits after a change.",
    "min": "The minimum number of workers.",
    "max": "The maximum number of workers.",
    "stale": "The measurements were too old to act on.",
    "fleet": "The back-end did not respond.",
    "config": "The configuration contradicts itself.",
}
_MINUTES = 5
_RULES = {
    "backlog": "the backlog",
    "load": "the load",
    "wait": "the predicted wait",
    "forecast": "the forecast",
    "threshold": "the threshold",
    "minimum": "the minimum",
    "no-change": "no rule",
}


def show_state(row: ScalingEvent | Launch) -> str:
    return badge(row.state, row.get_state_display())


def show_change(event: ScalingEvent) -> str:
    if event.from_workers == event.to_workers:
        return f"{event.to_workers} (no change)"
    return f"{event.from_workers} → {event.to_workers}"


def show_decider(event: ScalingEvent) -> str:
    """A person, a manual override that still applies, or a strategy and its rule."""
    if event.trigger == Trigger.PERSON:
        return event.actor_label if event.actor_label != SYSTEM.label else "manual override"
    return f"{event.strategy or 'control loop'}: {event.rule}"


def describe_event(event: ScalingEvent) -> dict[str, Any]:
    """The context of the template."""
    inputs: dict[str, Any] = event.inputs
    # A manual event holds what the strategy would have decided.
    record = inputs if "outcome" in inputs else inputs.get("instead") or {}
    demand, settings = record.get("demand") or {}, record.get("settings") or {}
    outcome = record.get("outcome") or {}
    is_manual = "instead" in inputs
    tables = [
        _predictions(outcome.get("table") or [], settings, event.to_workers, is_manual),
        _launches(event),
        _removed_workers(event.victims),
        Table("Measurements", [], [*_measured(demand), *_forecast(demand)] if demand else []),
    ]
    settings_table = Table("Settings", [], _settings(settings))
    return {
        "headline": describe_change(event),
        "lead": describe_decider(event),
        "words": describe_reason(event),
        "notes": list(_notes(event, outcome.get("sentence", "") if is_manual else "")),
        "decider": show_decider(event),
        "duration": format_elapsed(event.at, event.finished_at),
        "tables": [table for table in tables if table.rows],
        "side_tables": [settings_table] if settings_table.rows else [],
        "facts": list(_facts(event)),
        "inputs_text": format_json(inputs),
    }


def describe_change(event: ScalingEvent) -> str:
    """`7 → 8 workers`, or how many there stayed."""
    if event.from_workers == event.to_workers:
        return workers(event.to_workers)
    return f"{event.from_workers} → {workers(event.to_workers)}"


def describe_decider(event: ScalingEvent) -> str:
    """The rule that won, as the beginning of a sentence."""
    if event.trigger == Trigger.PERSON:
        return f"By hand, by {isolated_text(show_decider(event))}:"
    rule = _RULES.get(event.rule, event.rule)
    limit = f", limited by {event.constraint}" if event.constraint not in ("", "none") else ""
    return f"Decided by {rule}{limit}:"


def describe_reason(event: ScalingEvent) -> str:
    """The sentence of the decision, without the numbers that stand beside it."""
    text: str = event.sentence
    return text.removeprefix(change(event.from_workers, event.to_workers)).strip()


def _notes(event: ScalingEvent, instead: str) -> Iterator[str]:
    if event.constraint in _CONSTRAINTS:
        yield f"Limited by {event.constraint}: {_CONSTRAINTS[event.constraint]}"
    if instead:
        yield f"Without the manual override: {instead}"


def _facts(event: ScalingEvent) -> Iterator[tuple[str, Any]]:
    yield "At", format_time(event.at)
    if event.finished_at:
        yield "Ended", format_time(event.finished_at)
    yield "Decided by", show_decider(event)
    yield "Back-end", event.backend
    yield "Strategy", event.strategy or EMPTY
    yield "Rule", event.rule or EMPTY
    yield "Limited by", event.constraint or EMPTY
    yield "Configuration", f"version {event.config_version}"
    yield "Term", format_number(event.term)
    if event.actor_kind:
        yield "Actor", f"{event.actor_label} ({event.actor_kind})"
    if event.workspace_id:
        yield "Audited in", str(event.workspace_id)
    yield "Id", str(event.id)


def _launches(event: ScalingEvent) -> Table:
    return Table(
        "Started workers",
        ["Worker", "State", "Requested", "Start time", "Node", "Problem"],
        [
            [
                launch.key or EMPTY,
                show_state(launch),
                show_time(launch.asked_at),
                format_elapsed(launch.asked_at, launch.ended_at)
                if launch.state == LaunchState.READY
                else EMPTY,
                link("workers_node", launch.node_id, launch.node_id),
                launch.problem or EMPTY,
            ]
            for launch in event.launches.all()
        ],
        numbers=frozenset({"Start time"}),
    )


def _removed_workers(removed: list[dict[str, Any]]) -> Table:
    return Table(
        "Removed workers",
        ["Worker", "Node", "Why this one"],
        [
            [each.get("name"), link("workers_node", each.get("node"), each.get("node")),
             each.get("reason")]
            for each in removed
        ],
    )  # fmt: skip


def _predictions(
    rows: list[list[float]], settings: Mapping[str, Any], chosen: int, is_manual: bool
) -> Table:
    """The predicted wait for each number of workers, with a bar of at most 100 %."""
    objective = float(settings.get("objective_seconds") or 0)
    longest = max([wait for _, wait in rows] + [objective, 1e-9])
    lines = []
    for number, wait in rows:
        bar = draw_bar(wait / longest, "failed" if wait > objective else "completed")
        chosen_note = ("manual" if is_manual else "chosen") if int(number) == chosen else ""
        late_note = "misses the objective" if wait > objective else ""
        note = ", ".join(each for each in (chosen_note, late_note) if each)
        lines.append([int(number), format_duration(wait), bar, note])
    return Table(
        "Predicted waits",
        ["Workers", "Longest wait", "", "Note"],
        lines,
        note=f"The longest predicted wait for each number of workers. The objective is "
        f"{format_duration(objective)}.",
        numbers=frozenset({"Workers", "Longest wait"}),
    )


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _plain(value)) for name, value in sorted(settings.items())]


def _measured(demand: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    run_times = demand.get("run_times") or {}
    ages = [(age, times) for age, times in demand.get("ages") or []]
    yield "Waiting tasks", _plain(demand.get("waiting"))
    yield "Oldest waiting task", format_duration(demand.get("oldest") or 0)
    yield "Arrivals per second", f"{demand.get('per_second') or 0:.3g}"
    yield "Mean run time", format_duration(run_times.get("mean") or 0)
    yield "Running tasks", str(sum(times for _, times in ages))
    if ages:
        yield "Longest running task", format_duration(max(age for age, _ in ages))
    yield "Ready workers", _plain(demand.get("ready"))
    starting = demand.get("starting") or []
    ready = ", ".join(format_duration(each) for each in starting[:5])
    yield "Starting workers", f"{len(starting)}{f', ready in {ready}' if ready else ''}"
    yield "Draining workers", _plain(demand.get("draining"))
    yield "Start time of a worker (p95)", format_duration(demand.get("startup") or 0)
    started = demand.get("started") or 0
    if started:
        share = (demand.get("on_time") or 0) / started
        counted = format_number(started)
        yield "Tasks started in time, last hour", f"{format_percent(share)} of {counted}"


def _forecast(demand: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    forecast = demand.get("forecast")
    if forecast:
        per_minute = ", ".join(f"{each:.1f}" for each in forecast.get("per_minute", [])[:_MINUTES])
        trusted = "trusted" if forecast.get("trusted") else "not trusted yet"
        yield "Forecast, tasks per minute", f"{per_minute} ({trusted})"
        yield "Error of the forecast", f"{forecast.get('error') or 0:.2f} times that of no change"
    for each in demand.get("expected") or []:
        moment = format_time(datetime.fromtimestamp(each["at"], UTC))
        yield "Expected tasks from schedules", f"{_plain(each['tasks'])} at {moment}"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else format_number(value)
