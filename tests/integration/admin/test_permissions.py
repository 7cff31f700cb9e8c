"""Roles are not enough: without Django's permission to view a model, no page shows or changes rows
of it. The person here is an admin of the workspace, and has none of these permissions."""

from itertools import product
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from benchmarks.dashboard.addresses import list_names
from controlplane.workspaces.models import AuditEvent
from tests.integration.admin.test_access import (
    ACTIONS,
    LABELS,
    ROW_VERBS,
    SHARED_VERBS,
    name_of,
)
from tests.integration.admin.world import World

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")
# Everybody with a role keeps views.
WITHOUT_PERMISSIONS = {"savedviews.SavedView"}
MODELS = [label for label in LABELS if label not in WITHOUT_PERMISSIONS]
# Pages of no record. The start page, performance and some sections of the settings leave out what
# needs a permission; the others concern the person only.
OPEN = {
    "index", "records", "performance", "performance_export", "settings_scaling", "settings_queues",
    "settings_retention", "settings_product", "app_list", "undo", "jsi18n", "login", "logout",
    "password_change", "password_change_done",
}  # fmt: skip
CLOSED = {
    "autocomplete", "settings_keys", "settings_members", "settings_key_revoke",
    "settings_member_role", "settings_member_remove",
}  # fmt: skip
PAGES = ("changelist", "add", "change", "history", "delete")


def is_refused(client: Client, path: str, method: str, data: Any = None) -> bool:
    """Whether the page refuses, or leads to the start page or to one that refuses."""
    answer = getattr(client, method.lower())(path, data or {}, follow=True)
    last = answer.redirect_chain[-1][0] if answer.redirect_chain else ""
    return answer.status_code == 403 or last == INDEX


def model_of(name: str) -> str:
    """The label of the model that an extra page belongs to."""
    return max((each for each in LABELS if name.startswith(f"{name_of(each)}_")), key=len)


class TestEveryPage:
    def test_each_is_walked(self) -> None:
        """A new page is missing here until somebody says what it needs."""
        of_models = {f"{name_of(label)}_{page}" for label, page in product(LABELS, PAGES)}
        assert list_names() - of_models == {*ROW_VERBS, *SHARED_VERBS} | OPEN | CLOSED

    def test_lists_rows_and_forms_refuse(self, world: World) -> None:
        before, let_in = AuditEvent.objects.count(), []
        for label, page, method in product(MODELS, PAGES, ("GET", "POST")):
            arguments = [] if page in ("changelist", "add") else [world.row(label).pk]
            path = reverse(f"admin:{name_of(label)}_{page}", args=arguments)
            if not is_refused(world.unpermitted, path, method, {"post": "yes", "name": "x"}):
                let_in.append(f"{method} {path}")
        assert not let_in, "\n".join(let_in)
        assert AuditEvent.objects.count() == before

    def test_buttons_and_other_pages_refuse(self, world: World) -> None:
        before, let_in = AuditEvent.objects.count(), []
        for name, (method, _, data) in {**ROW_VERBS, **SHARED_VERBS}.items():
            label = model_of(name)
            if label in WITHOUT_PERMISSIONS:
                continue
            arguments = [world.row(label).pk] if name in ROW_VERBS else []
            path = reverse(f"admin:{name}", args=arguments)
            for each in {method, "POST"}:
                sent = {**data, "post": "yes", "reason": "x"} if each == "POST" else data
                if not is_refused(world.unpermitted, path, each, sent):
                    let_in.append(f"{each} {path}")
        assert not let_in, "\n".join(let_in)
        assert AuditEvent.objects.count() == before

    def test_actions_refuse(self, world: World) -> None:
        before = AuditEvent.objects.count()
        for label, actions in ACTIONS.items():
            path = reverse(f"admin:{name_of(label)}_changelist")
            for action, across in product(actions, ("0", "1")):
                sent = {
                    "action": action, "_selected_action": [str(world.row(label).pk)],
                    "select_across": across, "post": "yes", "reason": "x", "priority": "1",
                }  # fmt: skip
                assert world.unpermitted.post(path, sent).status_code == 403, (label, action)
        assert AuditEvent.objects.count() == before

    def test_pages_of_no_record_refuse_or_name_no_row(self, world: World) -> None:
        rows = {**world.own, **world.shared}
        ids = {str(rows[label].pk) for label in MODELS if len(str(rows[label].pk)) > 30}
        for name in sorted(OPEN - {"app_list", "logout", "undo", "jsi18n", "performance_export"}):
            page = world.unpermitted.get(reverse(f"admin:{name}")).content.decode()
            assert not [each for each in ids if each in page], name
        for name in sorted(CLOSED):
            label = "workspaces.ApiKey" if "key_" in name else "workspaces.Membership"
            row = [rows[label].pk] if name.startswith(("settings_key_", "settings_member_")) else []
            path, sent = reverse(f"admin:{name}", args=row), {"post": "yes", "role": "admin"}
            assert world.unpermitted.post(path, sent).status_code in (403, 405), name
            assert world.unpermitted.get(path).status_code in (403, 405), name
