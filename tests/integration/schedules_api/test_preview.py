"""`GET /cron/preview`."""

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.ops.schedules import firing
from controlplane.ops.schedules.models import Firing
from tests.factories import make_job

pytestmark = pytest.mark.django_db
PREVIEW = "/cron/preview"


def test_times_in_utc_and_of_the_zone(client: APIClient) -> None:
    query = {"schedule": "30 4 * * 1", "timezone": "Asia/Kolkata", "count": 3}
    answer = client.get(PREVIEW, query)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["schedule"], found["timezone"]) == ("30 4 * * 1", "Asia/Kolkata")
    assert "Monday" in found["words"]
    assert len(found["times"]) == 3
    for each in found["times"]:
        assert each["utc"].endswith("T23:00:00.000Z")
        assert each["local"].endswith("T04:30:00+05:30")
        assert datetime.fromisoformat(each["utc"]) == datetime.fromisoformat(each["local"])
        assert datetime.fromisoformat(each["local"]).weekday() == 0


def test_count(client: APIClient) -> None:
    assert len(client.get(PREVIEW, {"schedule": "@hourly"}).json()["times"]) == 10
    assert len(client.get(PREVIEW, {"schedule": "@hourly", "count": 100}).json()["times"]) == 100


def test_a_schedule_that_fires_seldom_gives_fewer(client: APIClient) -> None:
    found = client.get(PREVIEW, {"schedule": "2099-05-04T12:00:00+02:00", "count": 5}).json()
    assert [each["utc"] for each in found["times"]] == ["2099-05-04T10:00:00.000Z"]
    assert client.get(PREVIEW, {"schedule": "2020-01-01T00:00:00Z"}).json()["times"] == []
    leap = client.get(PREVIEW, {"schedule": "0 0 29 2 *", "count": 100})
    assert leap.status_code == 200
    assert all(each["utc"][5:10] == "02-29" for each in leap.json()["times"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "schedule"),
        ({"schedule": ""}, "schedule"),
        ({"schedule": "* * * *"}, "schedule"),
        ({"schedule": "0 0 31 4 *"}, "schedule"),
        ({"schedule": "@fortnightly"}, "schedule"),
        ({"schedule": "* " * 300}, "schedule"),
        ({"schedule": "0 0 1 1 * \x00"}, "schedule"),
        ({"schedule": "9999999999999999999999 * * * *"}, "schedule"),
        ({"schedule": "@daily", "timezone": "Mars/Olympus"}, "timezone"),
        ({"schedule": "@daily", "timezone": "../../etc/passwd"}, "timezone"),
        ({"schedule": "@daily", "count": 0}, "count"),
        ({"schedule": "@daily", "count": 101}, "count"),
        ({"schedule": "@daily", "count": "many"}, "count"),
        ({"schedule": "@daily", "cuont": 5}, "cuont"),
    ],
)
def test_what_is_refused(client: APIClient, query: dict[str, object], field: str) -> None:
    answer = client.get(PREVIEW, query)
    assert answer.status_code == 422, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("schedule", "timezone"),
    [
        ("*/7 * * * *", "UTC"),
        ("15 2 * * *", "America/New_York"),
        ("30 1 * * 0,3", "Australia/Lord_Howe"),
        ("@weekly", "Europe/Berlin"),
    ],
)
def test_it_shows_what_is_fired(client: APIClient, schedule: str, timezone: str) -> None:
    job = make_job(schedule=schedule, timezone=timezone, overlap="allow")
    query = {"schedule": schedule, "timezone": timezone, "count": 4}
    shown = [each["utc"] for each in client.get(PREVIEW, query).json()["times"]]
    for text in shown:
        firing.fire_due(now=datetime.fromisoformat(text).astimezone(UTC) + timedelta(seconds=1))
    fired = Firing.objects.filter(schedule=job).order_by("scheduled_for")
    assert [utc_z(firing.scheduled_for) for firing in fired] == shown
    assert shown[0] > utc_z(now())


def test_a_period_counts_from_now_as_a_job_made_now_does(client: APIClient) -> None:
    before = now().replace(microsecond=0)
    found = client.get(PREVIEW, {"schedule": "@every 1d", "count": 2}).json()
    job = make_job(schedule="@every 1d")
    after = now()
    first, second = (datetime.fromisoformat(each["utc"]) for each in found["times"])
    assert before + timedelta(days=1) <= first <= after + timedelta(days=1)
    assert second - first == timedelta(days=1)
    assert job.next_at is not None
    assert (
        timedelta(0)
        <= job.next_at - first
        < timedelta(seconds=after.timestamp() - before.timestamp() + 1)
    )


def test_a_step_without_effect_is_noted(client: APIClient) -> None:
    assert client.get(PREVIEW, {"schedule": "*/5 * * * *"}).json()["note"] is None
    note = client.get(PREVIEW, {"schedule": "*/90 * * * *"}).json()["note"]
    assert note == (
        "The step in '*/90' has no effect: the only minute is 0. Write 0, or @every 90m for that "
        "period."
    )
