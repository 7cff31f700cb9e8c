"""The fleet, its decisions and its configuration for people at a terminal."""

from collections.abc import Mapping
from typing import Any

from controlplane.core.console.tables import Console, columns_of, list_view, table_of
from controlplane.core.formatting import format_count


def show_status(console: Console, status: Mapping[str, Any]) -> None:
    """A few lines."""
    target = "none" if status["target"] is None else status["target"]
    counts = ", ".join(f"{status[state]} {state}" for state in ("ready", "starting", "draining"))
    console.write(f"Target {target}; {counts} ({status['backend']}).")
    console.write(_describe_loop(status))
    if status["startupSeconds"] is not None:
        starts = format_count(status["startupLaunches"], "start")
        console.write(
            f"A worker is ready after {status['startupSeconds']:.1f} s (p95 of {starts})."
        )
    if status["nextLaunch"]:
        console.write(
            f"Next launch at {status['nextLaunch']['at']}. {status['nextLaunch']['reason']}"
        )
    manual = status["manual"]
    if manual:
        until = f"until {manual['until']}" if manual["until"] else "until it is released"
        console.write(f"By hand: {manual['workers']} workers, {until}, ordered by {manual['by']}.")
    if status["problem"]:
        console.write(f"Problem: {status['problem']}")
    newest = status["newestEvent"]
    if newest:
        console.write(f"{newest['at']} {newest['state']}: {newest['sentence']}")


def show_event(console: Console, event: Mapping[str, Any]) -> None:
    """A decision with all its inputs."""
    console.write(f"{event['at']} {event['state']}, decided by {_describe_decider(event)}.")
    console.write(event["sentence"])
    if event["outcome"]:
        took = "" if event["durationMs"] is None else f" ({event['durationMs'] / 1000:.1f} s)"
        console.write(f"{event['outcome']}{took}")
    for victim in event["victims"]:
        console.write(f"  scaled in: {victim['name']} (node {victim['node']}): {victim['reason']}")
    for launch in event["launches"]:
        took = "" if launch["startMs"] is None else f" after {launch['startMs'] / 1000:.1f} s"
        why = f": {launch['problem']}" if launch["problem"] else ""
        console.write(f"  launch {launch['key'] or '?'}: {launch['state']}{took}{why}")
    inputs = event["inputs"]
    record = inputs if "outcome" in inputs else inputs.get("instead") or {}
    for workers, wait in record.get("outcome", {}).get("table", []):
        mark = " <-" if workers == event["to"] else ""
        console.write(f"  with {workers} workers: a wait of {wait:.0f} s{mark}")


def show_configuration(
    console: Console, configuration: Mapping[str, Any], environment: Mapping[str, Any]
) -> None:
    """Each value with its source; `environment` has the values of the environment."""
    columns = {
        "name": lambda name: name,
        "value": lambda name: configuration[name],
        "source": lambda name: configuration["sources"][name],
        "environment": lambda name: environment[name],
    }
    console.print(table_of(columns, list(environment)))


def _describe_loop(status: Mapping[str, Any]) -> str:
    enabled = "on" if status["enabled"] else "off"
    if status["isRunning"]:
        return f"Auto-scaling is {enabled}; the loop runs."
    if status["lastSeen"] is None:
        return f"Auto-scaling is {enabled}; the loop has never run: start `manage.py autoscale`."
    return (
        f"Auto-scaling is {enabled}; the loop does not run, last pass {status['lastSeen']}: "
        "start `manage.py autoscale`."
    )


def _describe_decider(event: Mapping[str, Any]) -> str:
    if event["trigger"] == "person":
        return str(event["actor"]["label"])
    return f"{event['strategy'] or 'the loop'} (rule {event['rule']})"


def _describe_source(event: Mapping[str, Any]) -> Any:
    return event["rule"] if event["trigger"] == "strategy" else event["actor"]["label"]


show_events = list_view(
    {
        **columns_of("id", "at", "state"),
        "workers": lambda event: f"{event['from']} → {event['to']}",
        "by": _describe_source,
        **columns_of("sentence"),
    },
    empty="No event matches.",
)
