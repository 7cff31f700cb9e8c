"""Every route: who may call it. The fleet serves all workspaces; who acts is audited in theirs."""

from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.workspaces.models import AuditEvent
from scaling.models import Pool, ScalingEvent
from tests.clients import default_workspace, key_client, other_workspace
from tests.factories import make_leader, make_scaling_event, set_pool

pytestmark = pytest.mark.django_db
ORDER = {"workers": 3, "reason": "a sale"}


@dataclass(frozen=True)
class Call:
    """One call; `{event}` in the path stands for the id of an event."""

    method: str
    path: str
    role: str
    body: Any = None
    ok: int = 200


CALLS = [
    Call("get", "/auto-scaling/config", "viewer"),
    Call("post", "/auto-scaling/config", "admin", {"minWorkers": 2}),
    Call("get", "/auto-scaling/status", "viewer"),
    Call("get", "/auto-scaling/metric", "viewer"),
    Call("post", "/auto-scaling/scale", "operator", ORDER, ok=202),
    Call("post", "/auto-scaling/release", "operator"),
    Call("get", "/health/scaling-events", "viewer"),
    Call("get", "/health/scaling-events/{event}", "viewer"),
]
each = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
changing = pytest.mark.parametrize(
    "call", [c for c in CALLS if c.method == "post"], ids=lambda call: call.path
)


def send(client: APIClient, call: Call, slash: str = "") -> Any:
    make_leader()
    path = call.path.format(event=make_scaling_event().id)
    return getattr(client, call.method)(path + slash, call.body, format="json")


@each
def test_without_identity(call: Call) -> None:
    assert send(APIClient(), call).status_code == 401


@each
def test_with_the_role_it_needs(call: Call) -> None:
    answer = send(key_client(call.role), call)
    assert answer.status_code == call.ok, answer.content


@each
def test_with_a_last_slash(call: Call) -> None:
    assert send(key_client(call.role), call, "/").status_code == call.ok


@each
def test_with_too_small_a_role_or_too_narrow_a_key(call: Call) -> None:
    if call.role == "viewer":
        client = key_client("viewer", scopes=["audit:read"])
    else:
        client = key_client("operator" if call.role == "admin" else "viewer")
    answer = send(client, call)
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert Pool.objects.get().version == 1
    assert ScalingEvent.objects.count() == 1


@changing
def test_it_is_audited_where_the_caller_is_at_home(call: Call) -> None:
    set_pool(manual_workers=4, manual_by="somebody")
    other = other_workspace()
    assert send(key_client(call.role, workspace=other), call).status_code == call.ok
    made = AuditEvent.objects.filter(action__startswith="scaling.")
    assert [event.workspace_id for event in made] == [other.id]
    assert other.id != default_workspace().id


def test_every_route_is_covered() -> None:
    from scaling.urls import urlpatterns

    routes = {str(pattern.pattern) for pattern in urlpatterns}
    assert routes == {call.path.lstrip("/").replace("{event}", "<uuid:id>") for call in CALLS}
