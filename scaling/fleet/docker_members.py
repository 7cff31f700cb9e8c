"""A member of the fleet from the engine's description of a container."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from scaling.fleet.base import Member, Phase, describe_end, find_error_line
from scaling.fleet.docker_engine import Record

# Labels of containers that this back-end made.
FLEET_LABEL = "taskplane.fleet"
RESTART_LABEL = "taskplane.restart"  # the restart policy that it has until it is fenced
NUMBER_LABEL = "taskplane.number"

# A container that got its stop signal is renamed to end like this, with its start time: the engine
# keeps nothing else that could be read back, and the next loop must not signal it again. When
# compose starts it again later, the start time differs, and the mark no longer holds.
_STOPPING = re.compile(r"-stopping-([0-9a-f]+)$")
NEVER: dict[str, Any] = {"Name": "no", "MaximumRetryCount": 0}

_SHORT_ID = 12
# The engine starts a container again at growing intervals until it has lasted for so long.
_STEADY = timedelta(seconds=10)
# One that was made but not started for so long was left behind by a loop that was killed just then.
_FORGOTTEN = timedelta(seconds=60)


ReadLog = Callable[[str], list[str]]


def to_member(record: Record, at: datetime, read_log: ReadLog) -> Member | None:
    """None if it is not a worker, but a container that was never started, or that a person stopped;
    it can still be copied."""
    phase = find_phase(record, at)
    if phase is None:
        return None
    key = str(record["Id"])
    detail = ""
    if phase in (Phase.STARTING, Phase.ENDED):
        detail = _explain(record, read_log)
    return Member(
        key=key,
        phase=phase,
        host=str(record["Config"].get("Hostname") or key[:_SHORT_ID]),
        started_at=_parse(record["State"].get("StartedAt")) or _parse(record["Created"]),
        detail=detail,
    )


def find_phase(record: Record, at: datetime) -> Phase | None:
    """None as in `to_member`."""
    status = record["State"]["Status"]
    if status in ("running", "paused", "restarting"):
        if is_stopping(record):
            return Phase.STOPPING
        return Phase.STARTING if _is_looping(record, at) else Phase.RUNNING
    if status == "created":
        if FLEET_LABEL not in get_labels(record):
            return None
        made = _parse(record["Created"])
        return Phase.ENDED if made is None or at - made > _FORGOTTEN else Phase.STARTING
    if status == "removing":
        return None
    # A container whose policy is to run for ever stays exited only when a person (or
    # `docker compose stop`) stopped it.
    runs_for_ever = get_restart(record)["Name"] in ("always", "unless-stopped")
    return None if status == "exited" and runs_for_ever and not is_stopping(record) else Phase.ENDED


def is_stopping(record: Record) -> bool:
    """Whether it got its stop signal, from this loop or an earlier one."""
    found = _STOPPING.search(_read_name(record))
    return found is not None and found[1] == _write_start(record)


def make_stopping_name(record: Record) -> str:
    """The name by which `is_stopping` recognises it."""
    return f"{get_name(record)}-stopping-{_write_start(record)}"


def get_name(record: Record) -> str:
    return _STOPPING.sub("", _read_name(record))


def get_labels(record: Record) -> dict[str, str]:
    """None are null."""
    return record["Config"].get("Labels") or {}


def get_restart(record: Record) -> dict[str, Any]:
    """Its restart policy; old engines write none as an empty name."""
    policy = record["HostConfig"].get("RestartPolicy") or {}
    return {
        "Name": policy.get("Name") or "no",
        "MaximumRetryCount": policy.get("MaximumRetryCount") or 0,
    }


def is_fenced(record: Record) -> bool:
    """Whether nothing starts it again."""
    return bool(get_restart(record)["Name"] == "no")


def _read_name(record: Record) -> str:
    """The engine writes it with a leading slash."""
    return str(record["Name"]).lstrip("/")


def _write_start(record: Record) -> str:
    started = _parse(record["State"].get("StartedAt"))
    return f"{round(started.timestamp() * 1000):x}" if started is not None else "0"


def _is_looping(record: Record, at: datetime) -> bool:
    if record["State"]["Status"] == "restarting":
        return True
    started = _parse(record["State"].get("StartedAt"))
    return bool(record.get("RestartCount")) and started is not None and at - started < _STEADY


def _explain(record: Record, read_log: ReadLog) -> str:
    state = record["State"]
    if state["Status"] == "created":
        return _sentence(state.get("Error") or "It was created, but not started")
    started, finished = _parse(state.get("StartedAt")), _parse(state.get("FinishedAt"))
    ran = (finished - started).total_seconds() if started and finished else None
    notes = ["out of memory"] if state.get("OOMKilled") else []
    if times := record.get("RestartCount"):
        notes.append(f"started again {times} {'time' if times == 1 else 'times'}")
    if state.get("Error"):
        notes.append(" ".join(str(state["Error"]).split()).rstrip("."))
    return describe_end(
        state.get("ExitCode", 0),
        # After a restart only the end before it is known.
        seconds=ran if ran is not None and ran >= 0 else None,
        note=", ".join(notes),
        error_line=find_error_line(read_log(str(record["Id"]))),
    )


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".") + "."


def _parse(text: str | None) -> datetime | None:
    """The engine writes nanoseconds, and the year 1 for an event that did not happen."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text)
