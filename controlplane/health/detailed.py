"""What /health/detailed reports: each component, checked within its own time limit."""

from typing import Any

import psycopg
from django.db import connections

from controlplane.core.clock import now, utc_z
from controlplane.health import selectors
from controlplane.health.probes import LIMIT_SECONDS, Finding, Probe
from tasks_app.selectors import Wellbeing, read_wellbeing

_seen: dict[str, Wellbeing] = {}


def _check_engine() -> None:
    try:
        _seen["now"] = read_wellbeing(None)
    finally:
        connections.close_all()  # those of the probe's own thread


def _explain(error: Exception) -> str:
    if isinstance(error.__cause__, psycopg.OperationalError):
        return "The database cannot be reached."
    return f"It answers with an error ({type(error).__name__})."


_engine = Probe(_check_engine, explain=_explain)


def read_detailed() -> dict[str, Any]:
    """The state of what this process needs, of the dispatcher and of the workers."""
    run = _engine.begin()
    report = selectors.read_health()
    finding = run.wait(LIMIT_SECONDS)
    engine = _describe(finding)
    report["checks"] |= engine
    if report["status"] == selectors.OK and any(
        c["status"] != selectors.OK for c in engine.values()
    ):
        report["status"] = selectors.DEGRADED
    return report


def _describe(finding: Finding) -> dict[str, dict[str, Any]]:
    if not finding.is_up or "now" not in _seen:
        unknown = {
            "status": selectors.DOWN,
            "detail": finding.detail,
        }
        return {"dispatcher": unknown, "workers": dict(unknown)}
    found = _seen["now"]
    dispatcher: dict[str, Any] = {
        "status": selectors.OK if found.has_dispatcher else selectors.DOWN,
        "latencyMs": finding.latency_ms,
    }
    if found.dispatcher_seen_ago is not None:
        dispatcher["lastSeen"] = utc_z(now() - found.dispatcher_seen_ago)
    workers = {
        "status": selectors.OK if found.live_nodes else selectors.DOWN,
        "latencyMs": finding.latency_ms,
        "liveNodes": found.live_nodes,
    }
    return {"dispatcher": dispatcher, "workers": workers}
