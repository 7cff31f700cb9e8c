"""Two reports side by side. Pure."""

from collections.abc import Mapping
from typing import Any

# Of each figure: its path in the report's figures, and whether more is better.
_FIGURES: dict[str, bool] = {
    "completePerSecond": True,
    "submitPerSecond": True,
    "elapsedSeconds": False,
    "waitMs.p50": False,
    "waitMs.p95": False,
    "waitMs.p99": False,
    "runMs.p50": False,
    "runMs.p95": False,
    "runMs.p99": False,
    "peakInFlight": True,
    "peakBacklog": False,
    "lostAttempts": False,
    "staleWrites": False,
}
_ALIKE = 0.05  # distributions are told within this error


def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Ratios of the figures, `one` as a multiple of `other`; and what makes them incomparable."""
    return {
        "figures": [_figure(name, one, other) for name in _FIGURES],
        "verdicts": [one["verdict"], other["verdict"]],
        "warnings": _warnings(one, other),
    }


def _figure(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    mine, theirs = _at(one["figures"], name), _at(other["figures"], name)
    ratio = None if mine is None or not theirs else round(mine / theirs, 3)
    return {
        "name": name,
        "value": mine,
        "other": theirs,
        "ratio": ratio,
        "change": _change(name, mine, theirs),
    }


def _change(name: str, mine: float | None, theirs: float | None) -> str:
    if mine is None or theirs is None:
        return "unknown"
    if abs(mine - theirs) <= _ALIKE * theirs:
        return "alike"
    return "better" if (mine > theirs) == _FIGURES[name] else "worse"


def _warnings(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    found = []
    decides = any(report["parameters"].get("failureRate") for report in (one, other))
    for name, value in one["parameters"].items():
        theirs = other["parameters"].get(name)
        # Without failures the seed decides nothing.
        if value != theirs and (name != "seed" or decides):
            found.append(f"{name} differs: {_told(value)} and {_told(theirs)}.")
    for name in ("slots", "version", "python", "database"):
        mine, theirs = one["environment"].get(name), other["environment"].get(name)
        if mine != theirs:
            found.append(f"{name} differs at the beginning: {_told(mine)} and {_told(theirs)}.")
    for which, report in (("first", one), ("second", other)):
        if report["reason"]:
            found.append(f"The {which} test did not run to its end: {report['reason']}")
    if one["reportVersion"] != other["reportVersion"]:
        found.append("The reports are of different versions.")
    return found


def _at(figures: Mapping[str, Any], path: str) -> float | None:
    value: Any = figures
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return None if value is None else float(value)


def _told(value: Any) -> str:
    return "none" if value is None else str(value)
