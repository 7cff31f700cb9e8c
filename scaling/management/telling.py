"""The status of the fleet and its events in words, for a terminal."""

from collections.abc import Mapping
from typing import Any


def tell_status(status: Mapping[str, Any]) -> list[str]:
    """Of `StatusSerializer`, in a few lines."""
    target = "none" if status["target"] is None else status["target"]
    counts = ", ".join(f"{status[state]} {state}" for state in ("ready", "starting", "draining"))
    lines = [
        f"Target {target}; {counts} ({status['backend']}).",
        _tell_loop(status),
    ]
    if status["startupSeconds"] is not None:
        starts = status["startupLaunches"]
        measured = "1 start" if starts == 1 else f"{starts} starts"
        lines.append(
            f"A worker is ready after {status['startupSeconds']:.1f} s (p95 of {measured})."
        )
    if status["nextLaunch"]:
        pause = status["nextLaunch"]
        lines.append(f"Next launch at {pause['at']}. {pause['reason']}")
    manual = status["manual"]
    if manual:
        until = f"until {manual['until']}" if manual["until"] else "until it is released"
        lines.append(f"By hand: {manual['workers']} workers, {until}, ordered by {manual['by']}.")
    if status["problem"]:
        lines.append(f"Problem: {status['problem']}")
    newest = status["newestEvent"]
    if newest:
        lines.append(f"{newest['at']} {newest['state']}: {newest['sentence']}")
    return lines


def _tell_loop(status: Mapping[str, Any]) -> str:
    switched = "on" if status["enabled"] else "off"
    if status["isRunning"]:
        return f"Auto-scaling is {switched}; the loop runs."
    if status["lastSeen"] is None:
        return f"Auto-scaling is {switched}; the loop has never run: start `manage.py autoscale`."
    return (
        f"Auto-scaling is {switched}; the loop does not run, last heard of {status['lastSeen']}: "
        "start `manage.py autoscale`."
    )


def tell_event(event: Mapping[str, Any]) -> list[str]:
    """Of `EventDetailSerializer`, in a few lines and tables."""
    lines = [
        f"{event['at']} {event['state']}, decided by {_decider(event)}.",
        event["sentence"],
    ]
    if event["outcome"]:
        took = "" if event["durationMs"] is None else f" ({event['durationMs'] / 1000:.1f} s)"
        lines.append(f"{event['outcome']}{took}")
    lines += [
        f"  let go: {victim['name']} (node {victim['node']}): {victim['reason']}"
        for victim in event["victims"]
    ]
    for launch in event["launches"]:
        took = "" if launch["startMs"] is None else f" after {launch['startMs'] / 1000:.1f} s"
        why = f": {launch['problem']}" if launch["problem"] else ""
        lines.append(f"  launch {launch['key'] or '?'}: {launch['state']}{took}{why}")
    inputs = event["inputs"]
    record = inputs if "outcome" in inputs else inputs.get("instead") or {}
    for workers, wait in record.get("outcome", {}).get("table", []):
        mark = " <-" if workers == event["to"] else ""
        lines.append(f"  with {workers} workers: a wait of {wait:.0f} s{mark}")
    return lines


def _decider(event: Mapping[str, Any]) -> str:
    if event["trigger"] == "person":
        return str(event["actor"]["label"])
    return f"{event['strategy'] or 'the loop'} (rule {event['rule']})"
