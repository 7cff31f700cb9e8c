"""The lists of workspaces and of users: what an operator looks for, found by its name."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.core.clock import now
from controlplane.core.formatting import EMPTY
from controlplane.workspaces.models import Membership, Workspace
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
