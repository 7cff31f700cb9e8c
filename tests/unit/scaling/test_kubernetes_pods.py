"""How a pod stands, as read from what the API server says of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from scaling.fleet import Phase
from scaling.fleet.kubernetes_pods import ASKED_AT, owner_of, read_pod, write_selector


def pod(status: dict[str, Any] | None, **metadata: Any) -> dict[str, Any]:
    base = {"name": "w-1", "uid": "u-1", "creationTimestamp": "2026-01-02T03:04:05Z"}
    item: dict[str, Any] = {"metadata": {**base, **metadata}, "spec": {"nodeName": "n"}}
    return item if status is None else {**item, "status": status}


def container(state: dict[str, Any], last: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": "worker", "state": state, "lastState": last or {}}


RUNS = container({"running": {"startedAt": "2026-01-02T03:04:06Z"}})
CREATING = container({"waiting": {"reason": "ContainerCreating"}})
LOOP = container(
    {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s\nrestarting"}},
    {"terminated": {"exitCode": 2, "reason": "Error"}},
)


@pytest.mark.parametrize(
    ("status", "phase", "detail"),
    [
        (None, Phase.STARTING, ""),
        ({"phase": "Pending"}, Phase.STARTING, ""),
        ({"phase": "Pending", "containerStatuses": [CREATING]}, Phase.STARTING, ""),
        ({"phase": "Running", "containerStatuses": [RUNS]}, Phase.RUNNING, ""),
        ({"phase": "Running", "containerStatuses": [RUNS, CREATING]}, Phase.STARTING, ""),
        (
            {"phase": "Running", "containerStatuses": [RUNS, LOOP]},
            Phase.STARTING,
            "CrashLoopBackOff: back-off 10s restarting It ended with exit code 2.",
        ),
        (
            {"phase": "Pending", "initContainerStatuses": [LOOP], "containerStatuses": [CREATING]},
            Phase.STARTING,
            "CrashLoopBackOff: back-off 10s restarting It ended with exit code 2.",
        ),
        (
            {
                "phase": "Failed",
                "containerStatuses": [container({"terminated": {"exitCode": 137}})],
            },
            Phase.ENDED,
            "It was killed by signal 9 (SIGKILL), exit code 137.",
        ),
        (
            {
                "phase": "Failed",
                "containerStatuses": [
                    container(
                        {
                            "terminated": {
                                "exitCode": 137,
                                "reason": "OOMKilled",
                                "startedAt": "2026-01-02T03:04:05Z",
                                "finishedAt": "2026-01-02T03:04:07Z",
                                "message": "ready\nMemoryError: no memory\nbye",
                            }
                        }
                    )
                ],
            },
            Phase.ENDED,
            (
                "It was killed by signal 9 (SIGKILL), exit code 137 (OOMKilled); it had run for "
                "2.0 s. Last error in its log: MemoryError: no memory"
            ),
        ),
        ({"phase": "Failed", "reason": "NodeLost"}, Phase.ENDED, "NodeLost"),
        ({"phase": "Succeeded"}, Phase.ENDED, ""),
        (
            {"phase": "Unknown"},
            Phase.RUNNING,
            "Its machine does not respond, so its state is unknown.",
        ),
    ],
)
def test_phases(status: dict[str, Any] | None, phase: Phase, detail: str) -> None:
    found = read_pod(pod(status))
    assert (found.phase, found.detail) == (phase, detail)
    assert found.key == "w-1/u-1"
    assert found.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_one_that_is_deleted_stops_unless_it_has_ended() -> None:
    gone = "2026-01-02T03:05:00Z"
    stopping = read_pod(
        pod({"phase": "Running", "containerStatuses": [LOOP]}, deletionTimestamp=gone)
    )
    assert (stopping.phase, stopping.detail) == (Phase.STOPPING, "")
    assert not stopping.is_active
    assert read_pod(pod({"phase": "Failed"}, deletionTimestamp=gone)).phase is Phase.ENDED


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-02T03:04:05"])
def test_a_time_that_is_none_of_ours_is_none(text: str) -> None:
    assert read_pod(pod({}, annotations={ASKED_AT: text})).asked_at is None


def test_a_time_of_ours_is_read() -> None:
    asked = read_pod(pod({}, annotations={ASKED_AT: "2026-01-02T03:04:05+00:00"})).asked_at
    assert asked == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_selectors_are_written_as_a_query() -> None:
    selector = {
        "matchLabels": {"a": "1", "b": "2"},
        "matchExpressions": [
            {"key": "c", "operator": "In", "values": ["x", "y"]},
            {"key": "d", "operator": "NotIn", "values": ["z"]},
            {"key": "e", "operator": "Exists"},
            {"key": "f", "operator": "DoesNotExist"},
        ],
    }
    assert write_selector(selector) == "a=1,b=2,c in (x,y),d notin (z),e,!f"
    assert write_selector({}) == ""


def test_an_owner_that_does_not_control_is_none() -> None:
    owners = [{"uid": "no"}, {"uid": "yes", "controller": True}]
    assert owner_of(pod({}, ownerReferences=owners)) == "yes"
    assert owner_of(pod({}, ownerReferences=owners[:1])) == ""
    assert owner_of(pod({})) == ""
