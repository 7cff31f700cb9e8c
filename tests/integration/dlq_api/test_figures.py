"""GET /dlq/stats and /dlq/groups."""

import pytest
from rest_framework.test import APIClient

from controlplane.core.clock import now, utc_z
from controlplane.workspaces.models import Workspace
from tests.factories import make_error, make_letter

pytestmark = pytest.mark.django_db


def test_stats(viewer: APIClient, operator: APIClient, other: Workspace) -> None:
    oldest = make_letter()
    make_letter(make_error(category="NETWORK"), type="test-raise")
    closed = make_letter()
    operator.post(f"/dlq/tasks/{closed.id}/discard", {"reason": "x"})
    make_letter(workspace=other)
    found = viewer.get("/dlq/stats").json()
    assert (found["open"], found["total"]) == (2, 3)
    assert found["byStatus"] == {"OPEN": 2, "REPROCESSED": 0, "DISCARDED": 1}
    assert found["byCategory"] == {"CODE": 1, "NETWORK": 1}
    assert found["byType"] == {"test-echo": 1, "test-raise": 1}
    assert found["byDay"][f"{now():%Y-%m-%d}"] == 3
    assert len(found["byDay"]) == 30
    assert found["oldestOpenAt"] == utc_z(oldest.died_at)
    assert len(found["groups"]) == 2
    assert found["isEstimate"] is False


def test_of_nothing(viewer: APIClient) -> None:
    found = viewer.get("/dlq/stats").json()
    assert (found["open"], found["total"], found["oldestOpenAt"]) == (0, 0, None)
    assert viewer.get("/dlq/groups").json()["data"] == []


def test_groups_are_of_the_same_failure(viewer: APIClient, other: Workspace) -> None:
    first = make_letter(make_error("order 17 cannot be charged"))
    last = make_letter(make_error("order 18 cannot be charged"))
    make_letter(make_error("no money", function="refund"))
    make_letter(workspace=other)
    body = viewer.get("/dlq/groups").json()
    assert body["total"] == 2
    group = body["data"][0]
    assert (
        group.items()
        >= {
            "fingerprint": first.fingerprint,
            "category": "CODE",
            "error": {"class": "ValueError", "message": "order # cannot be charged"},
            "types": ["test-echo"],
            "count": 2,
            "firstSeenAt": utc_z(first.died_at),
            "lastSeenAt": utc_z(last.died_at),
            "letterId": str(last.id),
        }.items()
    )
    assert len(viewer.get("/dlq/groups", {"limit": 1, "page": 2}).json()["data"]) == 1
    assert viewer.get("/dlq/groups", {"limit": 0}).status_code == 422


def test_strangers_see_their_own(stranger: APIClient) -> None:
    make_letter()
    assert stranger.get("/dlq/stats").json()["total"] == 0
    assert stranger.get("/dlq/groups").json()["total"] == 0
    assert APIClient().get("/dlq/stats").status_code == 401
