"""The admin's pages of the fleet's size."""

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from controlplane.core.clock import now
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from scaling.models import ScalingEvent
from scaling.queries import get_configuration, get_pool
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import (
    make_decision,
    make_launch,
    make_leader,
    make_node,
    make_scaling_event,
    set_pool,
)
from tests.integration.admin.toasts import messages_of

pytestmark = pytest.mark.django_db
POOL = "/admin/scaling/pool/"
EVENTS = "/admin/scaling/scalingevent/"
login = partial(staff_client, apps=["scaling"])


@pytest.fixture(autouse=True)
def _environment(settings: Any) -> None:
    settings.TASKPLANE_SCALING = {
        **settings.TASKPLANE_SCALING, "MIN_WORKERS": 1, "MAX_WORKERS": 10, "BACKEND": "process",
    }  # fmt: skip


def values_of(page: str) -> dict[str, str]:
    """What the form of the configuration holds, as a browser would send it."""
    found = dict.fromkeys(re.findall(r'type="checkbox" name="(\w+)"[^>]*checked', page), "on")
    found |= dict(re.findall(r'type="(?:number|hidden)" name="(\w+)" value="([^"]*)"', page))
    strategy = re.search(r'<option value="(\w+)" selected>', page.partition('name="strategy"')[2])
    assert strategy is not None
    return {**found, "strategy": strategy[1]}


def read(client: Client, path: str = POOL) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def configure(client: Client, *reset: str, **changes: Any) -> str:
    data = {**values_of(read(client)), **changes, "reset": list(reset)}
    answer = client.post(f"{POOL}configure/", data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_without_anything(root: Client) -> None:
    page = read(root)
    assert "Autoscaler: never started" in page
    assert "Start manage.py autoscale." in page
    assert "No changes yet." in page
    assert root.get(f"{POOL}default/change/")["Location"] == POOL


def test_the_page_of_a_fleet_that_works(root: Client) -> None:
    make_leader()
    set_pool(
        backend="docker", target=5, ready=3, starting=2, draining=1, manual_workers=5,
        manual_until=now() + timedelta(minutes=5), manual_by="ada",
    )  # fmt: skip
    make_scaling_event()
    make_scaling_event("UNCHANGED", sentence="2 workers, no change.")
    page = read(root)
    assert "Autoscaler: running" in page
    for name, value in (("Target", 5), ("Ready", 3), ("Starting", 2), ("Draining", 1)):
        label, figure = f'figure-label">{name}<', f">{value}<"
        assert figure in page.partition(label)[2].partition("figure-change")[0], name
    assert "Manual override: 5 workers, ends" in page
    assert ("2 → 5" in page, "200 waiting." in page) == (True, True)
    assert "no change" not in page
    set_pool(problem="Out of quota.")
    page = read(root)
    assert "Autoscaler: cannot act" in page
    assert "Out of quota." in page
    make_leader(seconds=-60)
    assert "Autoscaler: stopped" in read(root)


def test_change_the_configuration(root: Client) -> None:
    page = configure(root, max_workers="20", objective_seconds="30", use_forecast="")
    assert "The configuration was saved." in page
    found = get_configuration()
    assert (found.max_workers, found.objective_seconds, found.use_forecast) == (20, 30.0, False)
    detail = AuditEvent.objects.get(action="scaling.configure").detail
    assert set(detail["changes"]) == {"maxWorkers", "objectiveSeconds", "useForecast"}
    assert page.count("<strong>changed</strong>") == 3
    page = configure(root, "max_workers", "use_forecast")
    assert page.count("<strong>changed</strong>") == 1
    assert get_pool().overrides == {"objective_seconds": 30.0}


def test_what_cannot_be_stands_beside_its_field(root: Client) -> None:
    page = configure(root, min_workers="11")
    assert "It must not be above maxWorkers, which is 10." in page
    assert 'value="11"' in page
    page = configure(root, goal="2")
    assert "less than or equal to 1" in page
    assert get_pool().overrides == {}


def test_who_was_slower_gets_a_message(root: Client) -> None:
    old = values_of(read(root))
    configure(root, max_workers="20")
    answer = root.post(f"{POOL}configure/", {**old, "min_workers": "2"})
    assert "root has changed the configuration since" in answer.content.decode()
    assert get_pool().overrides == {"max_workers": 20}


def test_a_configuration_that_contradicts_itself_can_be_repaired(root: Client) -> None:
    set_pool(overrides={"min_workers": 11})
    page = read(root)
    assert "no longer fit the environment" in page
    assert "The configuration was saved." in configure(root, "min_workers")
    assert "no longer fit" not in read(root)


def test_what_changes_nothing_is_not_green(root: Client) -> None:
    assert messages_of(configure(root)) == [
        ("info", "Nothing to change: the configuration already has these values."),
    ]  # fmt: skip
    page = root.post(f"{POOL}release/", follow=True).content.decode()
    assert messages_of(page) == [
        ("info", "Nothing to release: the strategy decides the number of workers."),
    ]  # fmt: skip


def test_scale_by_hand_and_release(root: Client) -> None:
    order = {"workers": "4", "hold": "3600", "reason": "a sale"}
    page = root.post(f"{POOL}scale/", order).content.decode()
    assert "The autoscaler does not run" in page
    assert 'value="a sale"' in page
    make_leader()
    page = root.post(f"{POOL}scale/", order, follow=True).content.decode()
    assert "0 → 4 workers, set by root: a sale." in page
    assert "data-reload=" in page
    event = ScalingEvent.objects.get()
    assert (event.actor_kind, event.workspace_id) == ("user", default_workspace().id)
    assert (
        "It must be from 1 (minWorkers) to 10"
        in root.post(f"{POOL}scale/", {**order, "workers": "11"}).content.decode()
    )
    assert "Release: let the strategy decide" in read(root)
    page = root.post(f"{POOL}release/", follow=True).content.decode()
    assert "Released" in page
    assert get_pool().manual_workers is None
    root.post(f"{POOL}scale/", {**order, "hold": ""})
    assert get_pool().manual_until is None


@pytest.mark.parametrize(
    ("role", "may_operate", "may_configure"),
    [("viewer", False, False), ("operator", True, False), ("admin", True, True)],
)
def test_roles(role: str, may_operate: bool, may_configure: bool) -> None:
    make_leader()
    client = login("ada", role, workspace=other_workspace())
    page = read(client)
    assert ("Scale manually" in page) is may_operate
    assert ("Save the configuration" in page) is may_configure
    order = {"workers": "4", "hold": "300", "reason": "a sale"}
    answers = {
        "scale": client.post(f"{POOL}scale/", order).status_code,
        "release": client.post(f"{POOL}release/").status_code,
        "configure": client.post(f"{POOL}configure/", {"version": "1"}).status_code,
    }
    assert answers == {
        "scale": 302 if may_operate else 403,
        "release": 302 if may_operate else 403,
        "configure": 200 if may_configure else 403,
    }
    audited = AuditEvent.objects.filter(action__startswith="scaling.")
    assert {each.workspace_id for each in audited} <= {other_workspace().id}
    assert audited.exists() is may_operate


def test_only_for_those_who_may_look(client: Client) -> None:
    user = get_user_model().objects.create_user("nobody", is_staff=True)
    services.add_member(workspace=default_workspace(), user=user, role="admin", actor=SYSTEM)
    client.force_login(user)
    assert client.get(POOL).status_code == 403
    assert client.get(EVENTS).status_code == 403
    for verb in ("scale", "release", "configure"):
        assert client.post(f"{POOL}{verb}/").status_code == 403


@pytest.mark.parametrize("verb", ["scale", "release", "configure"])
def test_nothing_changes_by_looking(root: Client, verb: str) -> None:
    assert root.get(f"{POOL}{verb}/").status_code == 405


def test_the_list_of_events(root: Client) -> None:
    make_scaling_event(sentence="Reached it.")
    make_scaling_event(
        "UNCHANGED", sentence="Held it.", from_workers=3, to_workers=3, constraint="cooldown"
    )
    make_scaling_event(
        "FAILED", sentence="Failed it.", trigger="person", rule="manual", actor_label="ada"
    )
    page = read(root, EVENTS)
    assert ("Reached it." in page, "Held it." in page, "Failed it." in page) == (True, False, True)
    assert "2 → 5" in page
    assert "predictive: wait" in page
    assert ">ada<" in page
    page = read(root, f"{EVENTS}?state=all")
    assert "Held it." in page
    assert "3 (no change)" in page
    page = read(root, f"{EVENTS}?state=UNCHANGED")
    assert ("Held it." in page, "Reached it." in page) == (True, False)
    page = read(root, f"{EVENTS}?trigger__exact=person")
    assert ("Failed it." in page, "Reached it." in page) == (True, False)
    assert "Failed it." in read(root, f"{EVENTS}?rule=manual")
    assert "Failed it." not in read(root, f"{EVENTS}?q=Reached")


def test_one_event_explains_itself(root: Client) -> None:
    node = make_node()
    event = make_scaling_event(
        inputs=make_decision(startup=30.0),
        outcome="5 workers are ready.",
        constraint="max",
        victims=[{"node": node.id, "name": "worker-7", "reason": "idle for 96 s"}],
    )
    make_launch(event, node_id=node.id)
    make_launch(event, key="w-2", state="FAILED", problem="No such image.")
    page = read(root, f"{EVENTS}{event.id}/change/")
    for text in (
        "5 workers are ready.",
        "The maximum number of workers.",
        "Predicted waits",
        "misses the objective",
        "<dt>Waiting tasks</dt><dd><bdi>200",
        "<dt>Longest running task</dt><dd><bdi>5 min",
        "<dt>scale up threshold</dt><dd><bdi>50",
        "idle for 96 s",
        "No such image.",
        "1.5 s",
        f"/admin/workers/node/{node.id}/change/",
    ):
        assert text in page, text
    assert "data-reload=" not in page
    assert 'name="_save"' not in page


def test_the_time_of_an_old_event_has_its_date_and_its_zone(root: Client) -> None:
    event = make_scaling_event(ago=3 * 86_400)
    page = read(root, f"{EVENTS}{event.id}/change/")
    figure = page.partition('figure-label">When<')[2].partition("</div>")[0]
    assert f">{event.at:%Y-%m-%d %H:%M} UTC</time>" in figure
    assert f">{event.at:%Y-%m-%d %H:%M:%S} UTC</span>" in figure


def test_a_lost_worker_stays_marked_whatever_was_set_by_hand_later(root: Client) -> None:
    make_node("gone", state="LOST", stopped_at=now() - timedelta(minutes=50))
    for number in range(8):
        make_scaling_event(ago=60 * (number + 1), trigger="person")
    page = read(root)
    assert "gone lost</text>" in page
    assert page.count("5 by hand</text>") == 4
    assert "Losses and overrides; not marked: 4 more manual overrides" in page


@pytest.mark.parametrize("inputs", [{}, {"reason": "<b>a sale</b>"}, {"outcome": {}}])
def test_an_event_with_little_in_it_has_a_page(root: Client, inputs: Any) -> None:
    event = make_scaling_event(inputs=inputs, sentence="<b>It</b> was.")
    page = read(root, f"{EVENTS}{event.id}/change/")
    assert "&lt;b&gt;It&lt;/b&gt; was." in page
    assert "<b>It" not in page
    assert "<b>a sale" not in page


def test_an_order_shows_what_would_have_been(root: Client) -> None:
    decision = make_decision()
    event = make_scaling_event(trigger="person", rule="manual", inputs={"instead": decision})
    page = read(root, f"{EVENTS}{event.id}/change/")
    assert f"Without the manual override: {decision['outcome']['sentence']}" in page


def test_events_are_only_looked_at(root: Client) -> None:
    event = make_scaling_event()
    assert root.get(f"{EVENTS}add/").status_code == 403
    assert root.post(f"{EVENTS}{event.id}/change/", {}).status_code == 403
    assert root.post(f"{EVENTS}{event.id}/delete/", {"post": "yes"}).status_code == 403
    assert root.get(f"{POOL}add/").status_code == 403
