"""Keys and members: nobody gives themselves more than they have."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from controlplane.workspaces.models import ApiKey, Membership
from tests.integration.admin.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("person", ["stranger", "viewer", "operator"])
def test_who_is_no_admin_makes_no_key_and_no_member(world: World, person: str) -> None:
    client = world.people[person]
    user = get_user_model().objects.get(username=person)
    keys, members = ApiKey.objects.count(), Membership.objects.count()
    for workspace in (world.home, world.away):
        key = {"workspace": workspace.id, "name": "mine", "role": "admin", "scopes": ""}
        assert client.post("/admin/workspaces/apikey/add/", key).status_code == 403
        member = {"workspace": workspace.id, "user": user.pk, "role": "admin"}
        assert client.post("/admin/workspaces/membership/add/", member).status_code == 403
    assert (ApiKey.objects.count(), Membership.objects.count()) == (keys, members)


def test_an_admin_makes_none_in_another_workspace(world: World) -> None:
    keys, members = ApiKey.objects.count(), Membership.objects.count()
    key = {"workspace": world.away.id, "name": "mine", "role": "admin", "scopes": ""}
    page = world.people["admin"].post("/admin/workspaces/apikey/add/", key)
    assert "Select a valid choice" in page.content.decode()
    member = {"workspace": world.away.id, "user": "admin", "role": "admin"}
    page = world.people["admin"].post("/admin/workspaces/membership/add/", member)
    assert "Select a valid choice" in page.content.decode()
    assert (ApiKey.objects.count(), Membership.objects.count()) == (keys, members)


def test_an_admin_makes_keys_and_changes_members_of_the_own_workspace(world: World) -> None:
    client = world.people["admin"]
    data = {"workspace": world.home.id, "name": "mine", "role": "admin", "scopes": ""}
    answer = client.post("/admin/workspaces/apikey/add/", data)
    key = ApiKey.objects.get(name="mine")
    assert (answer.status_code, key.created_by) == (200, "admin")
    assert f"{key.prefix}_" in answer.content.decode()
    member = world.own["workspaces.Membership"]
    path = reverse("admin:workspaces_membership_change", args=[member.pk])
    assert client.post(path, {"role": "operator"}).status_code == 302
    member.refresh_from_db()
    assert member.role == "operator"  # type: ignore[attr-defined] # a membership
    limits = reverse("admin:tasks_app_queue_change", args=[world.own["tasks_app.Queue"].pk])
    for person, status in (("operator", 403), ("admin", 302)):
        answer = world.people[person].post(limits, {"max_running": "3", "rate_per_second": ""})
        assert answer.status_code == status


def test_an_admin_adds_a_member_by_name_and_sees_no_list_of_users(world: World) -> None:
    client = world.people["admin"]
    page = client.get("/admin/workspaces/membership/add/").content.decode()
    assert "member-away" not in page
    data = {"workspace": world.home.id, "user": "stranger", "role": "viewer"}
    assert client.post("/admin/workspaces/membership/add/", data).status_code == 302
    assert Membership.objects.filter(user__username="stranger", workspace=world.home).exists()


def test_the_hash_of_a_key_is_no_filter(world: World) -> None:
    path = "/admin/workspaces/apikey/?secret_hash__startswith=0"
    assert world.people["admin"].get(path).status_code == 400


@pytest.mark.parametrize(("model", "field"), [("membership", "user"), ("membership", "workspace")])
def test_autocomplete_shows_what_the_person_may_see(world: World, model: str, field: str) -> None:
    query = {"app_label": "workspaces", "model_name": model, "field_name": field, "term": "a"}
    for person, client in world.people.items():
        answer = client.get("/admin/autocomplete/", query)
        text = answer.content.decode() if answer.status_code == 200 else ""
        assert ("away" in text) is (person == "root"), (person, text)
