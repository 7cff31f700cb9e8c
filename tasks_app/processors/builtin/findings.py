"""What the health check finds fault with, and how it says so."""

from typing import Any, TypedDict
from uuid import UUID

from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from tasks_app.queries.engine_health import EngineHealth, read_engine_health

_OK, _DEGRADED, _DOWN = "ok", "degraded", "down"
_WARNING, _CRITICAL = "warning", "critical"
_NAMED = 20


class Finding(TypedDict):
    """One thing that is not as it should be."""

    kind: str
    severity: str
    message: str
    detail: dict[str, Any]


def examine(
    database: dict[str, Any],
    broker: dict[str, Any],
    *,
    workspace_id: UUID,
    max_wait_seconds: float | None,
) -> dict[str, Any]:
    """The report of a health check. Without a database nothing more is asked.

    A check of the workspace `default`, where the shipped one runs, looks at the queues of all
    workspaces; a check of another one at its own: the names of others' are not its business.
    """
    parts = {"database": database, "redis": broker}
    findings = find_unreachable(database, broker)
    if database["status"] == _OK:
        is_everybodys = workspace_id == DEFAULT_WORKSPACE_ID
        seen = read_engine_health(None if is_everybodys else workspace_id)
        parts |= _tell(seen)
        findings += find_stuck(seen, max_wait_seconds)
    return {"status": judge(findings), "findings": findings, **parts}


def judge(findings: list[Finding]) -> str:
    """`down` without the database, which holds the truth; `degraded` with any other finding."""
    if any(finding["kind"] == "database-away" for finding in findings):
        return _DOWN
    return _DEGRADED if findings else _OK


def find_unreachable(database: dict[str, Any], broker: dict[str, Any]) -> list[Finding]:
    """Servers that do not answer."""
    found: list[Finding] = []
    if database["status"] != _OK:
        message = f"The database does not answer: {database['error']}."
        found.append(_finding("database-away", _CRITICAL, message))
    if broker["status"] != _OK:
        message = (
            f"Redis does not answer: {broker['error']}. Work is accepted, and starts later than "
            "it could."
        )
        found.append(_finding("redis-away", _WARNING, message))
    return found


def find_stuck(seen: EngineHealth, max_wait_seconds: float | None) -> list[Finding]:
    """What keeps work from starting."""
    found: list[Finding] = []
    if not seen.has_dispatcher:
        message = (
            "No dispatcher leads: nothing that waits for its time starts, no schedule fires. "
            "Start one with `python manage.py dispatch`."
        )
        found.append(_finding("dispatcher-away", _CRITICAL, message))
    if seen.unserved_queues:
        named = ", ".join(seen.unserved_queues[:_NAMED])
        message = f"Work is ready, and no live worker takes it, in these queues: {named}."
        found.append(
            _finding("queue-unserved", _CRITICAL, message, queues=seen.unserved_queues[:_NAMED])
        )
    waited = seen.longest_wait_ms
    if waited is not None and max_wait_seconds is not None and waited > max_wait_seconds * 1_000:
        queue = seen.ready_queues[0][0]
        message = f"A ready task of queue {queue} has waited {waited / 1_000:.0f} s for a slot."
        found.append(_finding("long-wait", _WARNING, message, queue=queue, waitedMs=waited))
    return found


def _tell(seen: EngineHealth) -> dict[str, Any]:
    ago = seen.dispatcher_seen_ago
    return {
        "dispatcher": {
            "status": _OK if seen.has_dispatcher else _DOWN,
            "lastPassAgoMs": None if ago is None else round(ago.total_seconds() * 1_000),
        },
        "workers": {"liveNodes": seen.live_nodes},
        "queues": {
            "ready": len(seen.ready_queues),
            "unserved": seen.unserved_queues[:_NAMED],
            "longestWaitMs": seen.longest_wait_ms,
        },
    }


def _finding(kind: str, severity: str, message: str, **detail: Any) -> Finding:
    return {"kind": kind, "severity": severity, "message": message, "detail": detail}
