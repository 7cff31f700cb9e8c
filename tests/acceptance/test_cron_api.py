"""Schedules made over HTTP, fired by a real dispatcher, run by a real worker."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from controlplane.ops.schedules.models import Schedule
from tests.clients import key_client
from tests.engine import Engine
from tests.standing import StandingEngine

pytestmark = pytest.mark.django_db(transaction=True)


def test_jobs_run_on_time_and_say_what_came_of_them(running: StandingEngine) -> None:
    client = key_client("operator")

    def make(name: str, schedule: str, **values: Any) -> str:
        body = {"name": name, "schedule": schedule, "taskType": "noop", **values}
        answer = client.post("/cron/jobs", body)
        assert answer.status_code == 201, answer.content
        return f"/cron/jobs/{answer.json()['id']}"

    def executions(path: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get(f"{path}/executions?limit=100{query}").json()[
            "data"
        ]
        return found

    second = make("Each second", "@every 1s")
    slow = make("Slow", "@every 1s", taskType="sleep", payload={"ms": 3_000})
    paused = make("By hand", "@yearly", enabled=False, taskType="sleep", payload={"ms": 5})
    triggered = client.post(f"{paused}/trigger")
    assert triggered.status_code == 202

    done = running.wait(
        lambda: [
            each
            for each in executions(second, "&status=COMPLETED")
            if each["finishedAt"] is not None
        ][2:],
        "three completed executions",
    )
    for each in done:
        assert (each["kind"], each["error"]) == ("schedule", None)
        assert 0 <= each["lateMs"] < 5_000
        assert each["durationMs"] is not None
        assert each["taskId"] is not None
    times = [datetime.fromisoformat(each["scheduledFor"]) for each in executions(second)]
    apart = [(newer - older).total_seconds() for newer, older in pairwise(times)]
    assert all(gap >= 1 and gap.is_integer() for gap in apart)  # each nominal time once

    (by_hand,) = running.wait(
        lambda: executions(paused, "&status=COMPLETED"), "the end of what was triggered"
    )
    assert by_hand["id"] == triggered.json()["id"]
    assert by_hand["result"]["ms"] == 5

    running.wait(
        lambda: "OVERLAP" in [each["skipReason"] for each in executions(slow, "&status=SKIPPED")],
        "a skipped execution",
    )
    assert client.get(slow).json()["lastExecution"] is not None
    assert client.get(second).json()["successRate"] == 1.0


def test_the_shipped_jobs_are_there_after_a_dispatcher_starts(engine: Engine) -> None:
    """A module of declarations that cannot be imported keeps it from nothing."""
    dispatcher = engine.dispatcher(TASKPLANE_SCHEDULES="nowhere.schedules")
    client = key_client("viewer")
    engine.wait(lambda: Schedule.objects.count() == 2, "the shipped jobs")
    found = {job["name"]: job for job in client.get("/cron/jobs").json()["data"]}
    assert set(found) == {"System health check", "Clean-up"}
    for job in found.values():
        assert (job["enabled"], job["source"], job["timezone"]) == (True, "code", "UTC")
        assert job["nextAt"] is not None
    assert "nowhere.schedules" in dispatcher.output()
