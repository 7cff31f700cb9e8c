"""The history of objects: the entries of the audit log that name them."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.ops.operations.control import audit
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.audit.kinds import list_kinds
from controlplane.workspaces.models import AuditEvent
from tests.clients import default_workspace, staff_client
from tests.factories import make_operation, make_task
from tests.integration.admin.auditpages import AUDIT, record
from tests.integration.admin.world import World

pytestmark = pytest.mark.django_db


class TestHistory:
    def test_it_leads_to_the_log_of_this_object(self, root: Client) -> None:
        task = make_task()
        record(target_id=str(task.pk))
        record(target_id="another", detail={"name": "another"})
        answer = root.get(reverse("admin:tasks_app_task_history", args=[task.pk]))
        assert answer.status_code == 302
        page = root.get(answer["Location"]).content.decode()
        assert "History of task" in page
        assert "cancelled task" in page
        assert "another" not in page

    def test_somebody_who_may_not_read_the_log_sees_what_was_done_to_the_object(self) -> None:
        task = make_task()
        record(target_id=str(task.pk), detail={"reason": "a double"})
        record(target_id="another", detail={"reason": "unrelated"})
        viewer = staff_client("mira", "viewer", apps=["tasks_app", "workspaces"])
        answer = viewer.get(reverse("admin:tasks_app_task_history", args=[task.pk]))
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "a double" in page
        assert "unrelated" not in page
        assert viewer.get(AUDIT).status_code == 403

    def test_every_kind_of_object_has_one_and_a_page(self) -> None:
        world = World()
        root = world.people["root"]
        objects = {**world.own, **world.shared}
        for kind in list_kinds():
            app, _, model = kind.page.rpartition("_")
            (row,) = (each for label, each in objects.items() if label.lower() == f"{app}.{model}")
            record("it.changed", kind.target, str(getattr(row, kind.key)))
            address = reverse(f"admin:{kind.page}_history", args=[row.pk])
            history = root.get(address, follow=True)
            assert history.status_code == 200, kind
            links = re.search(
                r'<td class="what-cell">.*?</td>', history.content.decode(), re.DOTALL
            )
            assert links is not None, kind
            found = re.search(r'href="([^"]*)"', links[0])
            assert found is not None, kind
            assert root.get(found[1]).status_code == 200, kind


def test_audit_of_an_operation_is_a_kind() -> None:
    operation = make_operation(default_workspace())
    audit(operation, SYSTEM, "pause")
    assert AuditEvent.objects.latest("id").target_type in {kind.target for kind in list_kinds()}
