"""The pages of the settings."""

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from controlplane.ops.configuration import facts
from controlplane.ops.configuration.queries import read_table_sizes
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership
from scaling.queries.pool import get_pool
from tasks_app.models import Queue
from tests.clients import default_workspace, key_client, other_workspace, staff_client, user_client
from tests.factories import make_queue
from tests.integration.admin.toasts import messages_of

pytestmark = pytest.mark.django_db
SECTIONS = ("scaling", "queues", "retention", "keys", "members", "product")
APPS = ("workspaces", "scaling", "tasks_app")


def url_of(name: str, *arguments: Any) -> str:
    return reverse(f"admin:settings_{name}", args=arguments)


def text_of(client: Client, name: str, **query: str) -> str:
    answer = client.get(url_of(name), query)
    assert answer.status_code == 200, name
    return answer.content.decode()


@pytest.fixture
def boss(db: None) -> Client:
    return staff_client("boss", "admin", apps=APPS)


@pytest.fixture
def viewer(db: None) -> Client:
    return staff_client("mira", "viewer", apps=APPS)


def test_a_viewer_reads_the_settings_but_sees_no_key_and_changes_nothing(viewer: Client) -> None:
    for name in ("scaling", "queues", "retention", "product"):
        assert '<button type="submit"' not in text_of(viewer, name)
    key = key_client().api_key
    member = Membership.objects.get()
    for name in ("keys", "members"):
        assert viewer.get(url_of(name)).status_code == 403
        assert viewer.post(url_of(name), {}).status_code == 403
    assert url_of("keys") not in text_of(viewer, "product")
    assert viewer.post(url_of("scaling"), {"version": "1"}).status_code == 403
    assert viewer.post(url_of("key_revoke", key.pk), {"post": "yes"}).status_code == 404
    assert viewer.post(url_of("member_role", member.pk), {"role": "admin"}).status_code == 404
    assert viewer.post(url_of("member_remove", member.pk), {"post": "yes"}).status_code == 404


def test_somebody_without_a_role_opens_no_section(db: None) -> None:
    nobody = staff_client("nobody", apps=APPS)
    for name in SECTIONS:
        assert nobody.get(url_of(name)).status_code == 403, name


def test_every_section_has_a_page(boss: Client) -> None:
    make_queue("billing")
    for name in SECTIONS:
        assert "Settings" in text_of(boss, name)
    assert "billing" in text_of(boss, "queues")


class TestScaling:
    def post(self, client: Client, **changes: str) -> Any:
        page = text_of(client, "scaling")
        found = re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', page)
        fields = {name: value for name, value in found if name not in ("reset", "workspace")}
        checked = re.findall(r'name="(\w+)"[^>]*checked', page)
        chosen = re.search(r'<option value="(\w+)" selected', page)
        assert chosen is not None
        data = {**fields, **dict.fromkeys(checked, "on"), "strategy": chosen[1], **changes}
        return client.post(url_of("scaling"), data, follow=True)

    def test_a_value_says_where_it_comes_from(self, boss: Client) -> None:
        page = self.post(boss, max_workers="20").content.decode()
        assert "The configuration was saved." in page
        assert page.count('<span class="tag on">database</span>') == 1
        assert "<code>MAX_WORKERS</code>" in page
        event = AuditEvent.objects.get(action="scaling.configure")
        assert (event.door, event.actor_label) == ("page", "boss")

    def test_a_wrong_value_stands_beside_its_field(self, boss: Client) -> None:
        page = self.post(boss, min_workers="11").content.decode()
        assert "It must not be above maxWorkers" in page
        assert get_pool().overrides == {}


class TestKeys:
    def test_the_secret_of_a_new_key_is_shown_once(self, boss: Client) -> None:
        data = {"name": "nightly", "role": "operator", "scopes": "tasks:read, queues:read",
                "days": "30"}  # fmt: skip
        answer = boss.post(url_of("keys"), data)
        page = answer.content.decode()
        key = ApiKey.objects.get()
        assert f"{key.prefix}_" in page
        assert "no-store" in answer.headers["Cache-Control"]
        assert key.scopes == ["queues:read", "tasks:read"]
        assert key.expires_at is not None
        assert f"{key.prefix}_" not in text_of(boss, "keys")
        assert AuditEvent.objects.get(action="api_key.create").actor_label == "boss"

    def test_a_wrong_key_is_shown_with_what_is_wrong(self, boss: Client) -> None:
        data = {"name": "x", "role": "viewer", "scopes": "nonsense", "days": ""}
        page = boss.post(url_of("keys"), data).content.decode()
        assert "A scope is like tasks:read" in page
        assert 'value="nonsense"' in page
        assert not ApiKey.objects.exists()

    def test_a_key_is_revoked_after_a_second_look(self, boss: Client) -> None:
        key = key_client().api_key
        asked = boss.post(url_of("key_revoke", key.pk))
        assert "cannot be restored" in asked.content.decode()
        assert ApiKey.objects.get().revoked_at is None
        answer = boss.post(url_of("key_revoke", key.pk), {"post": "yes"}, follow=True)
        assert "is revoked" in answer.content.decode()
        assert ApiKey.objects.get().revoked_at is not None
        again = boss.post(url_of("key_revoke", key.pk), {"post": "yes"}, follow=True)
        assert "was revoked before" in again.content.decode()

    def test_a_workspace_that_is_not_theirs_is_closed(self, boss: Client) -> None:
        key = key_client(workspace=other_workspace()).api_key
        assert boss.get(url_of("keys"), {"workspace": "other"}).status_code == 403
        assert boss.post(f"{url_of('keys')}?workspace=other", {"name": "x"}).status_code == 403
        assert boss.post(url_of("key_revoke", key.pk), {"post": "yes"}).status_code == 404
        assert key.prefix not in text_of(boss, "keys")


class TestMembers:
    def test_somebody_is_added_changed_and_removed(self, boss: Client) -> None:
        get_user_model().objects.create_user("ada")
        page = boss.post(url_of("members"), {"user": "ada", "role": "viewer"}, follow=True)
        assert "Added ada to default as viewer." in page.content.decode()
        member = Membership.objects.get(user__username="ada")
        boss.post(url_of("member_role", member.pk), {"role": "admin"})
        member.refresh_from_db()
        assert member.role == "admin"
        asked = boss.post(url_of("member_remove", member.pk))
        assert "Remove ada from default?" in asked.content.decode()
        boss.post(url_of("member_remove", member.pk), {"post": "yes"})
        assert not Membership.objects.filter(user__username="ada").exists()
        actions = AuditEvent.objects.filter(actor_label="boss").order_by("id")
        assert [each.action for each in actions] == [
            "member.add", "member.change", "member.remove",
        ]  # fmt: skip
        assert actions[1].detail["before"] == {"role": "viewer"}

    def test_a_role_that_stays_is_not_green(self, boss: Client) -> None:
        member = Membership.objects.get(user=user_client("viewer").user)
        answer = boss.post(url_of("member_role", member.pk), {"role": "viewer"}, follow=True)
        assert messages_of(answer.content.decode()) == [
            ("info", "Nothing to change: ada already has the role viewer."),
        ]  # fmt: skip

    def test_a_wrong_name_or_role_is_refused(self, boss: Client) -> None:
        page = boss.post(url_of("members"), {"user": "nobody", "role": "viewer"})
        assert "There is no active user of this name." in page.content.decode()
        page = boss.post(url_of("members"), {"user": "boss", "role": "viewer"})
        assert "They are a member already" in page.content.decode()
        ada = user_client("viewer").user
        member = Membership.objects.get(user=ada)
        answer = boss.post(url_of("member_role", member.pk), {"role": "king"}, follow=True)
        assert "One of viewer, operator, admin." in answer.content.decode()

    def test_neither_the_last_administrator_nor_oneself(self, boss: Client, root: Client) -> None:
        member = Membership.objects.get()
        for client, text in ((boss, "your own role"), (root, "last administrator")):
            answer = client.post(url_of("member_role", member.pk), {"role": "viewer"}, follow=True)
            assert text in answer.content.decode()
        answer = root.post(url_of("member_remove", member.pk), {"post": "yes"}, follow=True)
        assert "last administrator" in answer.content.decode()
        assert Membership.objects.get().role == "admin"


def test_every_table_whose_size_is_shown_exists() -> None:
    names = [name for *_, names in facts._KEPT for name in names]
    assert set(read_table_sizes(names)) == set(names)


def test_no_secret_of_the_environment_is_on_a_page(boss: Client, settings: Any) -> None:
    default_workspace()
    for name in SECTIONS:
        page = text_of(boss, name)
        assert settings.SECRET_KEY not in page
        assert settings.DATABASES["default"]["PASSWORD"] not in page.replace('""', "") or (
            not settings.DATABASES["default"]["PASSWORD"]
        )


class TestQueues:
    def post(self, client: Client, queue: Any, **fields: str) -> str:
        data = {"queue": str(queue.pk), **fields}
        answer = client.post(url_of("queues"), data, follow=True)
        assert answer.status_code == 200
        return answer.content.decode()

    def test_limits_and_pause_are_changed_and_undone(self, boss: Client) -> None:
        queue = make_queue("billing")
        page = text_of(boss, "queues", change=str(queue.pk))
        assert 'name="max_running"' in page
        page = self.post(boss, queue, limits="1", max_running="7", rate_per_second="2.5")
        queue.refresh_from_db()
        assert (queue.max_running, queue.rate_per_second) == (7, 2.5)
        assert "Undo" in page
        assert AuditEvent.objects.get(action="queue.change").actor_label == "boss"
        assert "Give a reason" in self.post(boss, queue, pause="1", reason=" ")
        self.post(boss, queue, pause="1", reason="release")
        queue.refresh_from_db()
        assert (queue.pause_reason, queue.paused_by) == ("release", "boss")
        self.post(boss, queue, resume="1")
        queue.refresh_from_db()
        assert queue.paused_at is None

    def test_what_is_wrong_stays_in_the_form(self, boss: Client) -> None:
        queue = make_queue("billing")
        page = self.post(boss, queue, limits="1", max_running="-1", rate_per_second="")
        assert "field-error" in page
        queue.refresh_from_db()
        assert queue.max_running is None

    def test_an_operator_pauses_and_a_viewer_does_nothing(self, viewer: Client) -> None:
        queue = make_queue("billing")
        operator = staff_client("ada", "operator", apps=APPS)
        page = text_of(operator, "queues", change=str(queue.pk))
        assert 'name="pause"' in page
        assert 'name="max_running"' not in page
        limits = {"queue": str(queue.pk), "limits": "1", "max_running": "7"}
        assert operator.post(url_of("queues"), limits).status_code == 403
        assert "Change…" not in text_of(viewer, "queues", change=str(queue.pk))
        ada = get_user_model().objects.get(username="ada")
        Membership.objects.create(workspace=other_workspace(), user=ada, role="viewer")
        read_only = make_queue("read-only", workspace=other_workspace())
        page = text_of(operator, "queues")
        assert "read-only" in page
        assert (f"change={queue.pk}#" in page, f"change={read_only.pk}#" in page) == (True, False)
        for fields in (limits, {"queue": str(queue.pk), "pause": "1", "reason": "x"}):
            assert viewer.post(url_of("queues"), fields).status_code == 403
        foreign = make_queue("theirs", workspace=other_workspace())
        pause = {"queue": str(foreign.pk), "pause": "1", "reason": "x"}
        assert operator.post(url_of("queues"), pause).status_code == 403
        assert operator.post(url_of("queues"), {"queue": "x" * 30}).status_code == 403


class TestWithoutPermissions:
    """Roles are not enough."""

    def test_queues_are_neither_shown_nor_changed(self, unpermitted: Client) -> None:
        queue, path = make_queue("billing"), url_of("queues")
        Queue.objects.update(paused_at="2026-01-01T00:00:00Z", pause_reason="a secret")
        for query in ({}, {"change": str(queue.pk)}):
            page = unpermitted.get(path, query).content.decode()
            assert "<code>tasks_app.view_queue</code>" in page
            assert "billing" not in page
            assert "a secret" not in page
        for sent in ({"resume": "1"}, {"pause": "1", "reason": "x"}, {"limits": "1"}):
            answer = unpermitted.post(path, {"queue": str(queue.pk), **sent})
            assert answer.status_code == 403
        assert Queue.objects.get().pause_reason == "a secret"
        assert not AuditEvent.objects.filter(action="queue.change").exists()

    def test_the_fleet_is_neither_shown_nor_configured(self, unpermitted: Client) -> None:
        path = url_of("scaling")
        page = unpermitted.get(path).content.decode()
        assert "<code>scaling.view_pool</code>" in page
        assert 'name="max_workers"' not in page
        sent = {"version": str(get_pool().version), "max_workers": "9"}
        assert unpermitted.post(path, sent).status_code == 403
        assert get_pool().overrides == {}

    def test_keys_and_members_name_the_permission_that_is_missing(
        self, unpermitted: Client
    ) -> None:
        for name, permission in (("keys", "view_apikey"), ("members", "view_membership")):
            answer = unpermitted.get(url_of(name), HTTP_ACCEPT="text/html")
            assert f"workspaces.{permission}" in answer.content.decode()
