"""The admin of workspaces: every page opens, secrets are shown once, the log cannot be changed."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client

from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.identities import KeyDirectory
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from tests.clients import default_workspace, key_client

pytestmark = pytest.mark.django_db

ROOT = "/admin/workspaces"


@pytest.fixture
def admin() -> Client:
    user = get_user_model().objects.create_superuser("root", password="a secret")
    client = Client()
    client.force_login(user)
    return client


def add_key(admin: Client, **changes: Any) -> Any:
    data = {
        "workspace": str(default_workspace().id),
        "name": "ci",
        "role": "operator",
        "scopes": "tasks:read,queues:read",
        "expires_at_0": "",
        "expires_at_1": "",
    }
    return admin.post(f"{ROOT}/apikey/add/", {**data, **changes}, follow=True)


def test_every_page_opens(admin: Client) -> None:
    key = key_client().api_key
    event = AuditEvent.objects.get()
    user = get_user_model().objects.get()
    member = services.add_member(
        workspace=default_workspace(), user=user, role="admin", actor=SYSTEM
    )
    rows = {"apikey": key, "auditevent": event, "membership": member, "workspace": key.workspace}
    for name, row in rows.items():
        for path in (f"{ROOT}/{name}/", f"{ROOT}/{name}/?q=x", f"{ROOT}/{name}/{row.pk}/change/"):
            assert admin.get(path).status_code == 200, path
    for name in ("apikey", "membership", "workspace"):
        assert admin.get(f"{ROOT}/{name}/add/").status_code == 200


def test_a_key_is_made_and_its_secret_shown_this_once(
    admin: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        answer = add_key(admin)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    key = ApiKey.objects.get()
    secret = page[page.index(f"{key.prefix}_") :][: 11 + 1 + 43]
    identity = KeyDirectory().identify(secret)
    assert identity is not None
    assert identity.actor.scopes == {"tasks:read", "queues:read"}
    assert key.created_by == "root"
    for path in (f"{ROOT}/apikey/", f"{ROOT}/apikey/{key.id}/change/"):
        later = admin.get(path).content.decode()
        assert secret not in later
        assert key.secret_hash not in later
    event = AuditEvent.objects.get()
    assert (event.actor_label, event.action) == ("root", "api_key.create")
    sessions = [session.get_decoded() for session in Session.objects.all()]
    kept = [admin.cookies.output(), answer.headers, sessions, event.detail, caplog.text]
    kept += LogEntry.objects.values_list("object_repr", "change_message")
    assert secret not in str(kept)


def test_messages_are_in_no_cookie(admin: Client) -> None:
    key = key_client().api_key
    data = {"action": "revoke", "_selected_action": [str(key.id)], "post": "yes"}
    answer = admin.post(f"{ROOT}/apikey/", data)
    assert answer.status_code == 302
    assert set(answer.cookies) <= {"sessionid", "csrftoken"}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"role": "root"},
        {"scopes": "nonsense"},
        {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"},
    ],
    ids=str,
)
def test_a_wrong_key_is_shown_again_with_what_is_wrong(
    admin: Client, changes: dict[str, str]
) -> None:
    page = add_key(admin, **changes)
    assert page.status_code == 200
    assert b"errorlist" in page.content
    assert not ApiKey.objects.exists()


def test_keys_are_revoked_by_an_action_and_never_deleted(admin: Client) -> None:
    keys = [key_client().api_key for _ in range(2)]
    data = {"action": "revoke", "_selected_action": [str(k.id) for k in keys]}
    data |= {"post": "yes", "reason": "OPS-1"}
    for sentence in ("2 of 2 API keys revoked", "0 of 2 API keys revoked"):
        assert sentence in admin.post(f"{ROOT}/apikey/", data, follow=True).content.decode()
    assert ApiKey.objects.filter(revoked_at__isnull=False).count() == 2
    assert admin.post(f"{ROOT}/apikey/{keys[0].id}/delete/").status_code == 403


def test_a_key_cannot_be_changed(admin: Client) -> None:
    key = key_client("viewer").api_key
    admin.post(f"{ROOT}/apikey/{key.id}/change/", {"name": "else", "role": "admin"})
    key.refresh_from_db()
    assert (key.name, key.role) == ("a test", "viewer")


def test_members_are_changed_through_services(admin: Client) -> None:
    user = get_user_model().objects.create_user("ada")
    data = {"workspace": str(default_workspace().id), "user": str(user.pk), "role": "viewer"}
    admin.post(f"{ROOT}/membership/add/", data)
    member = Membership.objects.get()
    admin.post(f"{ROOT}/membership/{member.id}/change/", {"role": "admin"})
    member.refresh_from_db()
    assert member.role == "admin"
    page = admin.post(f"{ROOT}/membership/{member.id}/delete/", {"post": "yes"}, follow=True)
    assert "last administrator" in page.content.decode()
    other = get_user_model().objects.create_user("bob")
    services.add_member(workspace=default_workspace(), user=other, role="admin", actor=SYSTEM)
    admin.post(f"{ROOT}/membership/{member.id}/delete/", {"post": "yes"})
    admin.post(f"{ROOT}/membership/add/", data)
    data = {
        "action": "delete_selected",
        "_selected_action": str(Membership.objects.get(user=user).id),
    }
    admin.post(f"{ROOT}/membership/", {**data, "post": "yes"})
    assert not Membership.objects.filter(user=user).exists()
    events = AuditEvent.objects.exclude(actor_kind="system").order_by("id")
    actions = events.values_list("action", flat=True)
    verbs = [action.removeprefix("member.") for action in actions]
    assert verbs == ["add", "change", "remove", "add", "remove"]


def test_a_workspace_is_made_through_the_service_and_keeps_its_slug(admin: Client) -> None:
    admin.post(f"{ROOT}/workspace/add/", {"slug": "acme", "name": "Acme"})
    made = Workspace.objects.get(slug="acme")
    admin.post(f"{ROOT}/workspace/{made.id}/change/", {"slug": "else", "name": "Acme Inc"})
    made.refresh_from_db()
    assert (made.slug, made.name) == ("acme", "Acme Inc")
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["workspace.create", "workspace.rename"]
    page = admin.post(f"{ROOT}/workspace/add/", {"slug": "No Label", "name": "x"})
    assert b"errorlist" in page.content


def test_the_log_can_only_be_read(admin: Client) -> None:
    key_client()
    event = AuditEvent.objects.get()
    assert admin.get(f"{ROOT}/auditevent/add/").status_code == 403
    assert admin.post(f"{ROOT}/auditevent/{event.id}/delete/").status_code == 403
    admin.post(f"{ROOT}/auditevent/{event.id}/change/", {"action": "else"})
    assert AuditEvent.objects.get().action == "api_key.create"
