"""Services of workspaces, the command, and what the database itself refuses."""

import json
import threading
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid, NotFound
from controlplane.workspaces import queries, services
from controlplane.workspaces.actors import SYSTEM, Actor
from controlplane.workspaces.identities import KeyDirectory
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from controlplane.workspaces.states import Role
from tests.clients import default_workspace, key_client, other_workspace

pytestmark = pytest.mark.django_db


def test_the_default_workspace_exists() -> None:
    assert Workspace.objects.get(id=queries.get_default_workspace_id()).slug == "default"


@pytest.mark.django_db(transaction=True)
def test_the_default_workspace_survives_a_flush() -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert Workspace.objects.get(id=queries.get_default_workspace_id()).slug == "default"


def test_workspaces_are_made_once() -> None:
    other_workspace("acme")
    with pytest.raises(Conflict, match="'acme' already"):
        services.create_workspace(slug="acme", name="Acme", actor=SYSTEM)
    with pytest.raises(Invalid, match="name: "):
        services.rename_workspace(workspace=other_workspace("acme"), name=" ", actor=SYSTEM)
    with pytest.raises(NotFound, match="no workspace 'nope'"):
        queries.get_workspace("nope")


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a b", "a" * 64, "ü", "a\n"])
def test_a_slug_is_a_label(slug: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.create_workspace(slug=slug, name="", actor=SYSTEM)
    assert [e["field"] for e in refused.value.errors] == ["name", "slug"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Workspace.objects.create(slug=slug[:63] if slug != "a" * 64 else "_", name="x")


def test_the_first_start_makes_an_admin_and_a_key_once() -> None:
    made = services.ensure_bootstrap("root")
    assert made is not None
    user = get_user_model().objects.get(username="root")
    assert user.is_superuser
    assert user.check_password(made.password)
    assert Membership.objects.get(user=user).role == Role.ADMIN
    identity = KeyDirectory().identify(made.api_key)
    assert identity is not None
    assert identity.actor.role == Role.ADMIN
    assert made.password not in repr(made)
    assert made.api_key not in repr(made)
    assert services.ensure_bootstrap("root") is None
    assert services.ensure_bootstrap("another") is None
    assert get_user_model().objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_first_starts_make_one_admin() -> None:
    results: list[Any] = []
    barrier = threading.Barrier(3)

    def start() -> None:
        barrier.wait(timeout=5)
        try:
            results.append(services.ensure_bootstrap())
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(r is None for r in results) == [False, True, True]
    assert ApiKey.objects.count() == 1


def test_members_come_change_and_go() -> None:
    user = get_user_model().objects.create_user("ada")
    workspace = default_workspace()
    services.add_member(workspace=workspace, user=user, role="viewer", actor=SYSTEM)
    member = services.add_member(workspace=workspace, user=user, role="operator", actor=SYSTEM)
    assert [m.role for m in queries.list_members(workspace)] == ["operator"]
    with pytest.raises(Invalid, match="role"):
        services.add_member(workspace=workspace, user=user, role="root", actor=SYSTEM)
    services.remove_member(member=member, actor=SYSTEM)
    assert not queries.list_members(workspace)
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["member.add", "member.change", "member.remove"]


def test_a_change_and_its_audit_are_both_or_neither() -> None:
    nobody = Actor(kind="user", id="1", label="", role=Role.ADMIN)  # the log refuses no name
    with pytest.raises(IntegrityError, match="audit_says_what"), transaction.atomic():
        services.create_api_key(
            workspace=default_workspace(), name="k", role="viewer", actor=nobody
        )
    assert not ApiKey.objects.exists()
    assert not AuditEvent.objects.exists()


def an_event() -> AuditEvent:
    return services.record_audit(
        workspace=default_workspace().id,
        actor=SYSTEM,
        action="test.do",
        target_type="test",
        target_id="1",
        detail={},
    )


def test_the_audit_log_is_append_only() -> None:
    event = an_event()
    for change in (
        lambda: AuditEvent.objects.filter(id=event.id).update(action="else"),
        lambda: AuditEvent.objects.filter(id=event.id).delete(),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    assert AuditEvent.objects.get(id=event.id).action == "test.do"


def test_only_retention_deletes_from_the_log_and_only_what_is_old() -> None:
    old, new = an_event(), an_event()
    assert services.prune_audit(before=old.created_at) == 0
    assert services.prune_audit(before=new.created_at) == 1
    assert list(AuditEvent.objects.all()) == [new]
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()


def a_key(**changes: Any) -> ApiKey:
    values = {
        "workspace": default_workspace(),
        "name": "k",
        "prefix": "tp_abcdefgh",
        "secret_hash": "0" * 64,
        "role": "viewer",
        "created_by": "test",
    }
    return ApiKey(**{**values, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "root"},
        {"prefix": "abc"},
        {"secret_hash": "a secret"},
        {"expires_at": now() - timedelta(days=1)},
        {"revoked_at": now() - timedelta(days=1)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_database_refuses_impossible_keys(changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        a_key(**changes).save()
    a_key().save()


def run(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("apikeys", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_makes_lists_and_revokes() -> None:
    secret, sentence = run(
        "create", "ci", "--role", "viewer", "--scope", "tasks:read", "--days", "7"
    )
    assert "shown only once" in sentence
    identity = KeyDirectory().identify(secret.strip())
    assert identity is not None
    assert identity.actor.role == Role.VIEWER
    assert identity.actor.scopes == {"tasks:read"}
    (key,) = json.loads(run("list", "--json")[0])
    assert UUID(key["id"]) == identity.key_id
    assert "key" not in key
    listed = run("list")[0]
    assert key["prefix"] in listed
    assert secret.strip() not in listed
    assert "revoked" in run("revoke", key["prefix"])[0]
    assert KeyDirectory().identify(secret.strip()) is None
    assert "revoked" in run("list")[0]


def test_the_command_writes_json_for_scripts() -> None:
    made = json.loads(run("create", "ci", "--json")[0])
    assert KeyDirectory().identify(made["key"])
    revoked = json.loads(run("revoke", made["id"], "--json")[0])
    assert revoked["revokedAt"]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["create", "ci", "--workspace", "nope"], "no workspace 'nope'"),
        (["create", "ci", "--scope", "x"], "scope is like"),
        (["create", "ci", "--days", "0"], "--days: '0' is not"),
        (["create", " "], "1 to 200 characters"),
        (["revoke", "tp_nothere"], "no API key 'tp_nothere'"),
        (["revoke", "01a20ef2-5006-745e-a586-696f3e7b6abc"], "no API key"),
        (["create", "ci", "--role", "root"], "invalid choice"),
    ],
)
def test_the_command_says_what_is_wrong(args: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*args)


def test_the_command_works_on_one_workspace() -> None:
    there = key_client(workspace=other_workspace())
    assert "There are no keys yet" in run("list")[0]
    with pytest.raises(CommandError, match="no API key"):
        run("revoke", str(there.api_key.id))
    assert there.api_key.prefix in run("list", "--workspace", "other")[0]
