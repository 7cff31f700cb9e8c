"""What /health/detailed reports: each component, checked within its own time limit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from django.db import connections

from controlplane.core.clock import now, utc_z
from controlplane.health import selectors
from controlplane.health.probes import LIMIT_SECONDS, Finding, Probe
from controlplane.schedules.selectors.lag import get_lag
from scaling.selectors.pool import find_problem, get_values, read_pool
from tasks_app.selectors import Wellbeing, read_wellbeing
from tasks_app.selectors.leaders import AUTOSCALER, LeaderView, view_leader

# Due schedules are looked for twice a second; what has waited longer was not merely unlucky.
LATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Scaler:
    leader: LeaderView
    enabled: bool
    problem: str


_seen: dict[str, Any] = {}


def _keep(name: str, read: Callable[[], Any]) -> Callable[[], None]:
    def check() -> None:
        try:
            _seen[name] = read()
        finally:
            connections.close_all()  # those of the probe's own thread

    return check


def _read_scaler() -> _Scaler:
    pool = read_pool()
    return _Scaler(
        leader=view_leader(AUTOSCALER),
        enabled=bool(get_values(pool)["enabled"]),
        problem=find_problem(pool),
    )


def _explain(error: Exception) -> str:
    if isinstance(error.__cause__, psycopg.OperationalError):
        return "The database cannot be reached."
    return f"It answers with an error ({type(error).__name__})."


_check_engine = _keep("engine", lambda: read_wellbeing(None))
_check_beat = _keep("beat", get_lag)
_check_scaler = _keep("scaler", _read_scaler)
_engine = Probe(_check_engine, explain=_explain)
_beat = Probe(_check_beat, explain=_explain)
_scaler = Probe(_check_scaler, explain=_explain)


def read_detailed() -> dict[str, Any]:
    """The state of what this process needs, and of dispatcher, workers, schedules and autoscaler.
    All checks run at once."""
    runs = [probe.begin() for probe in (_engine, _beat, _scaler)]
    report = selectors.read_health()
    engine, beat, scaler = (run.wait(LIMIT_SECONDS) for run in runs)
    checks = {
        "dispatcher": _describe(engine, "engine", _dispatcher),
        "workers": _describe(engine, "engine", _workers),
        "beat": _describe(beat, "beat", _schedules),
        "autoscaler": _describe(scaler, "scaler", _autoscaler),
    }
    report["checks"] |= checks
    if report["status"] == selectors.OK and any(
        c["status"] != selectors.OK for c in checks.values()
    ):
        report["status"] = selectors.DEGRADED
    return report


def _describe(finding: Finding, name: str, tell: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    if not finding.is_up or name not in _seen:
        return {"status": selectors.DOWN, "detail": finding.detail}
    return {**tell(_seen[name]), "latencyMs": finding.latency_ms}


def _dispatcher(found: Wellbeing) -> dict[str, Any]:
    told = {"status": selectors.OK if found.has_dispatcher else selectors.DOWN}
    if found.dispatcher_seen_ago is not None:
        told["lastSeen"] = utc_z(now() - found.dispatcher_seen_ago)
    return told


def _workers(found: Wellbeing) -> dict[str, Any]:
    status = selectors.OK if found.live_nodes else selectors.DOWN
    return {"status": status, "liveNodes": found.live_nodes}


def _schedules(lag: timedelta) -> dict[str, Any]:
    told: dict[str, Any] = {"status": selectors.OK, "lagMs": round(lag.total_seconds() * 1000)}
    if lag > LATE:
        told["status"] = selectors.DEGRADED
        told["detail"] = (
            f"A schedule has been due for {lag.total_seconds():.0f} s: the dispatcher does not "
            "run, or does not get to it."
        )
    return told


def _autoscaler(found: _Scaler) -> dict[str, Any]:
    """One that nobody started, or that is off, is no fault; one that has stopped is."""
    told: dict[str, Any] = {"status": selectors.OK}
    if found.leader.seen_at is not None:
        told["lastSeen"] = utc_z(found.leader.seen_at)
    if not found.enabled:
        told["detail"] = "off"
    elif found.leader.seen_at is None:
        told["detail"] = "not started"
    elif not found.leader.leads:
        told |= {
            "status": selectors.DEGRADED,
            "detail": "It has stopped: start `manage.py autoscale`.",
        }
    elif found.problem:
        told |= {"status": selectors.DEGRADED, "detail": found.problem}
    return told
