"""The lists of workspaces and of users, and what may be changed of members and accounts."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.core.formatting import EMPTY
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.models import AuditEvent, Membership, Workspace
from controlplane.workspaces.states import Role
from tasks_app.services.rollups import recompute_range
from tests.clients import default_workspace, key_client, other_workspace, staff_client, user_client
from tests.factories import make_task

pytestmark = pytest.mark.django_db
WORKSPACES = reverse("admin:workspaces_workspace_changelist")
USERS = reverse("admin:auth_user_changelist")


def cells_of(client: Client, url: str, **query: str) -> dict[str, dict[str, str]]:
    """The texts of the cells of each row, by the text of the first."""
    answer = client.get(url, query)
    assert answer.status_code == 200
    body = answer.content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    found = {}
    for row in body.split("</tr>")[:-1]:
        cells = re.findall(r'class="field-([\w-]+)[^>]*>(.*?)</t[hd]>', row, re.DOTALL)
        texts = {name: " ".join(re.sub("<[^>]+>", "", text).split()) for name, text in cells}
        found[next(iter(texts.values()))] = texts
    return found


def test_workspaces_with_their_members_keys_and_work(root: Client) -> None:
    key_client()
    task = make_task(workspace=other_workspace())
    recompute_range(task.created_at.replace(second=0, microsecond=0), now())
    rows = cells_of(root, WORKSPACES)
    assert rows["default"]["keys"] == "1"
    assert rows["default"]["submitted"] == EMPTY
    assert (rows["other"]["submitted"], rows["other"]["members"]) == ("1", "0")
    assert list(cells_of(root, WORKSPACES, q="OTHER")) == ["other"]
    link = re.search(r'href="([^"]*tasks_app/task/[^"]*)"', root.get(WORKSPACES).content.decode())
    assert link
    listed = root.get(link[1].replace("&amp;", "&")).content.decode()
    assert str(task.id) in listed


def test_members_and_keys_are_counted_for_admins_only(db: None) -> None:
    viewer = staff_client("mira", "viewer", apps=["workspaces"])
    row = cells_of(viewer, WORKSPACES)["default"]
    assert "members" not in row
    assert "submitted" in row
    boss = staff_client("boss", "admin", apps=["workspaces"])
    assert cells_of(boss, WORKSPACES)["default"]["members"] == "2"


def test_users_with_their_roles_and_last_log_in(root: Client) -> None:
    user_client("operator")
    member = Membership.objects.get(user__username="ada")
    Membership.objects.create(workspace=other_workspace(), user=member.user, role="viewer")
    rows = cells_of(root, USERS)
    assert rows["ada"]["roles"] == "operator of default, viewer of other"
    assert rows["root"]["roles"] == "admin of every workspace"
    assert list(cells_of(root, USERS, q="ad")) == ["ada"]
    assert default_workspace().slug in rows["ada"]["roles"]
    for slug in ("third", "a-fourth"):
        made = Workspace.objects.create(slug=slug, name=slug)
        Membership.objects.create(workspace=made, user=member.user, role="viewer")
    shown = cells_of(root, USERS)["ada"]["roles"]
    assert shown == "viewer of a-fourth, operator of default, viewer of other and 1 more"


class TestMembers:
    def test_the_last_administrator_stays(self) -> None:
        ada = user_client("admin", username="ada").user
        (member,) = Membership.objects.filter(user=ada)
        with pytest.raises(Exception, match="last administrator"):
            services.remove_member(member=member, actor=SYSTEM)
        with pytest.raises(Exception, match="last administrator"):
            services.add_member(
                workspace=default_workspace(), user=ada, role="viewer", actor=SYSTEM
            )
        user_client("admin", username="bob")
        services.remove_member(member=member, actor=SYSTEM)
        assert not Membership.objects.filter(user=ada).exists()

    def test_nobody_changes_their_own_role(self) -> None:
        ada = user_client("admin", username="ada").user
        user_client("admin", username="bob")
        (member,) = Membership.objects.filter(user=ada)
        own = Actor(kind="user", id=str(ada.pk), label="ada", role=Role.ADMIN)
        with pytest.raises(Exception, match="yourself"):
            services.remove_member(member=member, actor=own)
        with pytest.raises(Exception, match="your own role"):
            services.add_member(workspace=default_workspace(), user=ada, role="viewer", actor=own)


class TestAccounts:
    def test_what_a_form_changes_of_a_user_is_in_the_log(self, root: Client) -> None:
        root.post("/admin/auth/user/add/", {
            "username": "ada", "usable_password": "true", "password1": "a long secret 7",
            "password2": "a long secret 7",
        })  # fmt: skip
        user = get_user_model().objects.get(username="ada")
        data = {"username": "ada", "email": "ada@example.org", "is_active": "on",
                "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}  # fmt: skip
        root.post(f"/admin/auth/user/{user.pk}/change/", data)
        root.post(f"/admin/auth/user/{user.pk}/password/", {
            "usable_password": "true", "password1": "another secret 8",
            "password2": "another secret 8",
        })  # fmt: skip
        root.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})
        events = AuditEvent.objects.filter(target_type="account").order_by("id")
        assert [each.action.removeprefix("account.") for each in events] == [
            "create", "change", "password", "delete",
        ]  # fmt: skip
        assert events[1].detail["after"]["email"] == "ada@example.org"
        assert "secret" not in str([each.detail for each in events])

    def test_the_last_administrator_is_not_deleted(self, root: Client) -> None:
        user = user_client("admin", username="ada").user
        answer = root.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}, follow=True)
        assert "last administrator of default" in answer.content.decode()
        assert get_user_model().objects.filter(pk=user.pk).exists()
