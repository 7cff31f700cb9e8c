"""The content of /health/detailed: each component, checked within its own time limit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import connections

from controlplane.core.clock import now, utc_z
from controlplane.core.process_state import register_reset
from controlplane.ops.health import queries
from controlplane.ops.health.probes import LIMIT_SECONDS, Finding, Probe
from controlplane.ops.schedules.queries import get_lag
from scaling.queries.pool import AUTOSCALER, find_problem, get_values, read_pool
from tasks_app.queries import EngineHealth, read_engine_health
from tasks_app.queries.engine_health import LeaderView, view_leader
from workers.queries import list_lost_since

if TYPE_CHECKING:
    from workers.models import Node

# Due schedules are checked twice a second; a longer wait is a fault.
LATE = timedelta(seconds=30)
_HOUR = timedelta(hours=1)
_MAX_LOST = 1_000  # nodes that are counted


@dataclass(frozen=True, slots=True)
class _Scaler:
    leader: LeaderView
    enabled: bool
    problem: str


@dataclass(frozen=True, slots=True)
class _Engine:
    """`lost`: nodes lost in the last hour, newest first."""

    health: EngineHealth
    lost: "list[Node]"


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


def _read_engine() -> _Engine:
    return _Engine(read_engine_health(None), list(list_lost_since(now() - _HOUR)[:_MAX_LOST]))


def _explain(error: Exception) -> str:
    if isinstance(error.__cause__, psycopg.OperationalError):
        return "The database cannot be reached."
    return f"It answers with an error ({type(error).__name__})."


_check_engine = _keep("engine", _read_engine)
_check_beat = _keep("beat", get_lag)
_check_scaler = _keep("scaler", _read_scaler)
_engine = Probe(_check_engine, explain=_explain)
_beat = Probe(_check_beat, explain=_explain)
_scaler = Probe(_check_scaler, explain=_explain)
for _probe in (_engine, _beat, _scaler):
    register_reset(_probe.forget)
register_reset(_seen.clear)


def read_detailed() -> dict[str, Any]:
    """The state of the dependencies of this process, and of dispatcher, workers, schedules and
    autoscaler. All checks run at the same time."""
    runs = [probe.begin() for probe in (_engine, _beat, _scaler)]
    report = queries.read_health()
    engine, beat, scaler = (run.wait(LIMIT_SECONDS) for run in runs)
    checks = {
        "dispatcher": _describe(engine, "engine", _dispatcher),
        "workers": _describe(engine, "engine", _workers),
        "beat": _describe(beat, "beat", _schedules),
        "autoscaler": _describe(scaler, "scaler", _autoscaler),
    }
    report["checks"] |= checks
    if report["status"] == queries.OK and any(c["status"] != queries.OK for c in checks.values()):
        report["status"] = queries.DEGRADED
    return report


def _describe(
    finding: Finding, name: str, describe: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    if not finding.is_up or name not in _seen:
        return {"status": queries.DOWN, "detail": finding.detail}
    return {**describe(_seen[name]), "latencyMs": finding.latency_ms}


def _dispatcher(engine: _Engine) -> dict[str, Any]:
    health = engine.health
    check = {"status": queries.OK if health.has_dispatcher else queries.DOWN}
    if health.dispatcher_seen_ago is not None:
        check["lastSeen"] = utc_z(now() - health.dispatcher_seen_ago)
    return check


def _workers(engine: _Engine) -> dict[str, Any]:
    live, lost = engine.health.live_nodes, engine.lost
    check: dict[str, Any] = {
        "status": queries.OK if live else queries.DOWN,
        "liveNodes": live,
        "lostNodesLastHour": len(lost),
    }
    if lost:
        newest = lost[0]
        at = utc_z(newest.stopped_at or now())
        check["detail"] = f"{newest.name} was lost at {at}. {newest.end_reason}"
    return check


def _schedules(lag: timedelta) -> dict[str, Any]:
    check: dict[str, Any] = {"status": queries.OK, "lagMs": round(lag.total_seconds() * 1000)}
    if lag > LATE:
        check["status"] = queries.DEGRADED
        check["detail"] = (
            f"A schedule has been due for {lag.total_seconds():.0f} s: the dispatcher does not "
            "run, or is too slow."
        )
    return check


def _autoscaler(scaler: _Scaler) -> dict[str, Any]:
    """An autoscaler that is off or was never started is not a fault; one that has stopped is."""
    check: dict[str, Any] = {"status": queries.OK}
    if scaler.leader.seen_at is not None:
        check["lastSeen"] = utc_z(scaler.leader.seen_at)
    if not scaler.enabled:
        check["detail"] = "off"
    elif scaler.leader.seen_at is None:
        check["detail"] = "not started"
    elif not scaler.leader.leads:
        check |= {
            "status": queries.DEGRADED,
            "detail": "It has stopped: start `manage.py autoscale`.",
        }
    elif scaler.problem:
        check |= {"status": queries.DEGRADED, "detail": scaler.problem}
    return check
