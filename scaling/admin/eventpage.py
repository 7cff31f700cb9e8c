"""What the page of one event shows. Records of older releases may lack what newer ones have."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scaling.admin.words import badge, change, decider, seconds, tell_launch, took
from scaling.models import ScalingEvent

_CONSTRAINTS = {
    "stabilisation": "More workers were recommended or present a moment ago.",
    "waiting": "Too many tasks are waiting to remove a worker.",
    "cooldown": "The threshold rule pauses after a change.",
    "min": "Minimum number of workers.",
    "max": "Maximum number of workers.",
    "stale": "The measurements were too old to act on.",
    "fleet": "The back-end did not answer.",
    "config": "The configuration contradicted itself.",
}
_MINUTES_SHOWN = 5


def describe_event(event: ScalingEvent) -> dict[str, Any]:
    """The decision in words and tables."""
    inputs: dict[str, Any] = event.inputs
    record = inputs if "outcome" in inputs else inputs.get("instead") or {}
    demand, settings = record.get("demand") or {}, record.get("settings") or {}
    outcome = record.get("outcome") or {}
    return {
        "badge": badge(event),
        "change": change(event),
        "decider": decider(event),
        "took": took(event.at, event.finished_at),
        "constraint": _CONSTRAINTS.get(event.constraint, ""),
        "reason": inputs.get("reason", ""),
        "is_instead": "instead" in inputs,
        "instead": outcome.get("sentence", "") if "instead" in inputs else "",
        "table": _table(outcome.get("table") or [], settings, event.to_workers),
        "objective": seconds(settings.get("objective_seconds") or 0),
        "measured": list(_measured(demand)) if demand else [],
        "settings": [(name.replace("_", " "), _plain(v)) for name, v in sorted(settings.items())],
        "forecast": _forecast(demand.get("forecast")),
        "expected": [(_time(e["at"]), _plain(e["tasks"])) for e in demand.get("expected") or []],
        "victims": event.victims,
        "launches": [tell_launch(launch) for launch in event.launches.all()],
        "raw": json.dumps(inputs, indent=2, ensure_ascii=False),
    }


def _table(
    rows: list[list[float]], settings: Mapping[str, Any], chosen: int
) -> list[dict[str, Any]]:
    """The predicted wait for each number of workers, with a bar of at most 100 %."""
    objective = float(settings.get("objective_seconds") or 0)
    longest = max([wait for _, wait in rows] + [objective, 1e-9])
    return [
        {
            "workers": int(workers),
            "wait": seconds(wait),
            "width": round(100 * wait / longest),
            "is_late": wait > objective,
            "is_chosen": int(workers) == chosen,
        }
        for workers, wait in rows
    ]


def _measured(demand: Mapping[str, Any]) -> Any:
    run_times = demand.get("run_times") or {}
    ages = [(age, times) for age, times in demand.get("ages") or []]
    yield "Waiting tasks", _plain(demand.get("waiting"))
    yield "The oldest has waited", seconds(demand.get("oldest") or 0)
    yield "Arriving", f"{demand.get('per_second') or 0:.3g} a second"
    yield "Run time, mean", f"{run_times.get('mean') or 0:.3g} s"
    yield "Running tasks", str(sum(times for _, times in ages))
    if ages:
        yield "The longest has run for", seconds(max(age for age, _ in ages))
    yield "Workers ready", _plain(demand.get("ready"))
    starting = demand.get("starting") or []
    soon = f", ready in {', '.join(seconds(each) for each in starting[:5])}" if starting else ""
    yield "Workers starting", f"{len(starting)}{soon}"
    yield "Workers draining", _plain(demand.get("draining"))
    yield "A start takes (p95)", seconds(demand.get("startup") or 0)
    started = demand.get("started") or 0
    if started:
        share = (demand.get("on_time") or 0) / started
        yield "Started in time, last hour", f"{share:.1%} of {started}"


def _forecast(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not found:
        return None
    minutes = found.get("per_minute") or []
    return {
        "trusted": "trusted" if found.get("trusted") else "not trusted yet",
        "minutes": ", ".join(f"{each:.1f}" for each in minutes[:_MINUTES_SHOWN]),
        "error": f"{found.get('error') or 0:.2f}",
    }


def _time(epoch: float) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
