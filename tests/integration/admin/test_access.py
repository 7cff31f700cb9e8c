"""Every page of the admin asks the same rules: what a role does not allow, no page gives.

Each person here holds every permission that Django knows; only their roles differ.
"""

from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import reverse

import controlplane.urls  # noqa: F401 - with it the pages of the admin are imported
from controlplane.core.ids import uuid7
from controlplane.workspaces.adminaccess import AdminAccess, TaskplaneAdminSite
from controlplane.workspaces.models import ApiKey, AuditEvent
from tasks_app.models import Task
from tests.integration.admin.world import ROLES, World

pytestmark = pytest.mark.django_db

PEOPLE = ("stranger", *ROLES, "root")
NOBODY = "nobody"
# The smallest role that each page of a model needs: list and row, add, delete.
ROW_PAGES = {
    "workspaces.Workspace": ("viewer", "root", NOBODY),
    "workspaces.Membership": ("admin", "admin", "admin"),
    "workspaces.ApiKey": ("admin", "admin", NOBODY),
    "workspaces.AuditEvent": ("admin", NOBODY, NOBODY),
    "tasks_app.Task": ("viewer", NOBODY, NOBODY),
    "tasks_app.Queue": ("viewer", NOBODY, NOBODY),
    "tasks_app.IdempotencyKey": ("viewer", NOBODY, NOBODY),
    "workflows.Workflow": ("viewer", NOBODY, NOBODY),
    "workflows.WorkflowRun": ("viewer", NOBODY, NOBODY),
    "dlq.DeadLetter": ("viewer", NOBODY, NOBODY),
    "dlq.LetterGroup": ("viewer", NOBODY, NOBODY),
    "dlq.Replay": ("viewer", NOBODY, NOBODY),
    "schedules.Schedule": ("viewer", "operator", "operator"),
    "schedules.Firing": ("viewer", NOBODY, NOBODY),
    "stress.StressTest": ("viewer", NOBODY, NOBODY),
    "operations.Operation": ("viewer", NOBODY, NOBODY),
    "savedviews.SavedView": ("viewer", NOBODY, NOBODY),
}
# Lists of one workspace at a time.
ONE_WORKSPACE = {"dlq.LetterGroup"}
SHARED_PAGES = {
    "workers.Node": ("viewer", NOBODY, NOBODY),
    "tasks_app.TypeDeclaration": ("viewer", NOBODY, NOBODY),
    "scaling.ScalingEvent": ("viewer", NOBODY, NOBODY),
    "scaling.Pool": ("viewer", NOBODY, NOBODY),
    "tasks_app.Leader": ("root", NOBODY, NOBODY),
    **dict.fromkeys(
        (
            "auth.User", "auth.Group", "django_celery_results.TaskResult",
            "django_celery_results.GroupResult", "django_celery_beat.PeriodicTask",
            "django_celery_beat.ClockedSchedule", "django_celery_beat.CrontabSchedule",
            "django_celery_beat.IntervalSchedule", "django_celery_beat.SolarSchedule",
        ),
        ("root", "root", "root"),
    ),
}  # fmt: skip
# What the admin adds to Django's pages: method, role, and what is posted.
ROW_VERBS: dict[str, tuple[str, str, dict[str, str]]] = {
    "tasks_app_task_act": ("POST", "operator", {}),
    "tasks_app_task_changes": ("GET", "viewer", {}),
    "tasks_app_task_logs": ("GET", "viewer", {}),
    "tasks_app_task_family": ("GET", "viewer", {}),
    "workflows_workflow_execute": ("POST", "operator", {}),
    "workflows_workflowrun_cancel": ("POST", "operator", {}),
    "workflows_workflowrun_retry": ("POST", "operator", {}),
    "workflows_workflowrun_rerun": ("POST", "operator", {}),
    "workflows_workflowrun_decide": ("POST", "operator", {"step": "a", "decision": "approve"}),
    "dlq_deadletter_reprocess": ("POST", "operator", {}),
    "dlq_deadletter_discard": ("POST", "operator", {}),
    "dlq_lettergroup_decide": ("POST", "operator", {"do": "acknowledge"}),
    "dlq_lettergroup_mute": ("GET", "operator", {}),
    "dlq_lettergroup_discard": ("GET", "operator", {}),
    "dlq_lettergroup_reprocess": ("GET", "operator", {}),
    "dlq_replay_cancel": ("POST", "operator", {}),
    "dlq_replay_pause": ("POST", "operator", {}),
    "dlq_replay_resume": ("POST", "operator", {}),
    "tasks_app_queue_describe": ("POST", "operator", {}),
    "tasks_app_queue_pause": ("POST", "operator", {}),
    "tasks_app_queue_resume": ("POST", "operator", {}),
    "tasks_app_queue_cancel": ("GET", "operator", {}),
    "workers_node_drain": ("GET", "root", {}),
    "operations_operation_pause": ("POST", "operator", {}),
    "operations_operation_resume": ("POST", "operator", {}),
    "operations_operation_cancel": ("POST", "operator", {}),
    "savedviews_savedview_keep": ("POST", "viewer", {}),
    "savedviews_savedview_remove": ("POST", "admin", {}),
    "operations_operation_items_export": ("GET", "viewer", {}),
    "stress_stresstest_stop": ("POST", "operator", {}),
    "stress_stresstest_compare": ("GET", "viewer", {}),
    "auth_user_password_change": ("GET", "root", {}),
}
SHARED_VERBS = {
    "tasks_app_typedeclaration_export": ("GET", "viewer", {}),
    "tasks_app_typedeclaration_of": ("GET", "viewer", {}),
    "tasks_app_task_export": ("GET", "viewer", {}),
    "dlq_deadletter_export": ("GET", "viewer", {}),
    "dlq_lettergroup_export": ("GET", "viewer", {}),
    "dlq_replay_export": ("GET", "viewer", {}),
    "operations_operation_export": ("GET", "viewer", {}),
    "schedules_firing_export": ("GET", "viewer", {}),
    "schedules_schedule_export": ("GET", "viewer", {}),
    "scaling_scalingevent_export": ("GET", "viewer", {}),
    "stress_stresstest_export": ("GET", "viewer", {}),
    "tasks_app_queue_export": ("GET", "viewer", {}),
    "workers_node_export": ("GET", "viewer", {}),
    "workflows_workflow_export": ("GET", "viewer", {}),
    "workflows_workflowrun_export": ("GET", "viewer", {}),
    "workspaces_auditevent_export": ("GET", "admin", {}),
    "workspaces_apikey_export": ("GET", "admin", {}),
    "workspaces_membership_export": ("GET", "admin", {}),
    "tasks_app_task_list_changes": ("GET", "viewer", {}),
    "dlq_lettergroup_changes": ("GET", "viewer", {}),
    "workspaces_auditevent_newer": ("GET", "admin", {}),
    "tasks_app_task_submit": ("GET", "operator", {}),
    "scaling_pool_configure": ("POST", "admin", {"version": "1"}),
    "scaling_pool_scale": ("POST", "operator", {}),
    "scaling_pool_release": ("POST", "operator", {}),
    "operations_operation_new": ("GET", "operator", {}),
    "savedviews_savedview_save": ("GET", "viewer", {"list": "tasks"}),
    "stress_stresstest_start": ("GET", "operator", {}),
    "dlq_deadletter_groups": ("GET", "viewer", {}),
}
ACTIONS = {
    "workspaces.Membership": {"delete_selected": "admin"},
    "workspaces.ApiKey": {"revoke": "admin"},
    "tasks_app.Task": dict.fromkeys(
        ("cancel", "retry", "run_now", "reprioritize", "bulk"), "operator"
    ),
    "tasks_app.Queue": dict.fromkeys(("pause", "resume", "bulk"), "operator"),
    "workflows.WorkflowRun": dict.fromkeys(("cancel", "retry"), "operator"),
    "dlq.DeadLetter": dict.fromkeys(
        ("reprocess", "reprocess_as_canary", "discard", "bulk"), "operator"
    ),
    "schedules.Schedule": dict.fromkeys(("run_now", "pause", "resume", "bulk"), "operator"),
    "workers.Node": {"drain": "root"},
}
# Who may change a row by its form; of all others nobody.
CHANGES = {
    "workspaces.Workspace": "admin",
    "workspaces.Membership": "admin",
    "workspaces.ApiKey": "admin",  # a form of which every field is fixed
    "tasks_app.Queue": "admin",
    "schedules.Schedule": "operator",
    "savedviews.SavedView": "operator",
    **{label: "root" for label, pages in SHARED_PAGES.items() if pages == ("root", "root", "root")},
}
LABELS = [*ROW_PAGES, *SHARED_PAGES]


def name_of(label: str) -> str:
    return label.lower().replace(".", "_")


def is_let_in(client: Client, path: str, method: str = "GET", data: Any = None) -> bool:
    """Whether the page does something else than refuse or hide."""
    answer = client.post(path, data or {}) if method == "POST" else client.get(path)
    assert answer.status_code in (200, 302, 403, 404, 405), (path, answer.status_code)
    if answer.status_code == 302:
        return answer.headers["Location"] not in ("/admin/", reverse("admin:index"))
    return answer.status_code in (200, 405)


def expected(needed: str) -> dict[str, bool]:
    """Who is let in where this role is needed."""
    first = PEOPLE.index(needed) if needed in PEOPLE else len(PEOPLE)
    return {name: number >= first for number, name in enumerate(PEOPLE)}


def seen_by(world: World, path: str, method: str = "GET", data: Any = None) -> dict[str, bool]:
    return {n: is_let_in(world.people[n], path, method, data) for n in PEOPLE}


class TestTheTableIsComplete:
    """A new page is missing here until somebody says who may open it."""

    def test_every_model_admin_has_rules_and_a_row(self) -> None:
        registered = {model._meta.label: pages for model, pages in admin.site._registry.items()}
        assert {label for label in registered if not label.startswith("tests.")} == set(LABELS)
        assert all(isinstance(pages, AdminAccess) for pages in registered.values())

    def test_every_custom_page_has_a_row(self) -> None:
        usual = ("changelist", "add", "history", "delete", "change")
        found = {
            pattern.name
            for model, pages in admin.site._registry.items()
            for pattern in pages.get_urls()
            if pattern.name
            and pattern.name not in {f"{name_of(model._meta.label)}_{each}" for each in usual}
        }
        assert found == {*ROW_VERBS, *SHARED_VERBS}

    def test_every_action_has_a_row(self, world: World, rf: Any) -> None:
        request = rf.get("/")
        request.user = get_user_model().objects.get(username="root")
        for model, pages in admin.site._registry.items():
            label = model._meta.label
            if SHARED_PAGES.get(label) == ("root", "root", "root"):
                continue
            assert set(pages.get_actions(request)) == set(ACTIONS.get(label, ())), label

    def test_pages_of_other_packages_are_closed_by_default(self) -> None:
        class Unruly(admin.ModelAdmin[Any]):
            """As another package would write it."""

        site = TaskplaneAdminSite()
        site.register(ApiKey, Unruly)
        pages: Any = site.get_model_admin(ApiKey)
        assert isinstance(pages, AdminAccess)
        assert set(pages.required_roles.values()) == {None}


class TestPages:
    """Lists, rows, forms and deletions."""

    def test_the_role_decides(self, world: World) -> None:
        for label, (view, add, delete) in {**ROW_PAGES, **SHARED_PAGES}.items():
            row, name = world.row(label), name_of(label)
            for page in ("change", "history"):
                path = reverse(f"admin:{name}_{page}", args=[row.pk])
                assert seen_by(world, path) == expected(view), path
            for page, needed in (("changelist", view), ("add", add)):
                path = reverse(f"admin:{name}_{page}")
                assert seen_by(world, path) == expected(needed), path
            path = reverse(f"admin:{name}_delete", args=[row.pk])
            assert seen_by(world, path) == expected(delete), path

    def test_the_role_decides_about_changes(self, world: World) -> None:
        """A form that is posted without being offered is refused, too."""
        for label in LABELS:
            path = reverse(f"admin:{name_of(label)}_change", args=[world.row(label).pk])
            for person, may_change in expected(CHANGES.get(label, NOBODY)).items():
                if may_change or label == "scaling.Pool":  # its page leads to that of the fleet
                    continue
                status = world.people[person].post(path, {"name": "x", "role": "admin"}).status_code
                seen = expected({**ROW_PAGES, **SHARED_PAGES}[label][0])[person]
                assert status in ((403,) if seen else (302, 403)), (label, person, status)

    def test_rows_of_other_workspaces_do_not_exist(self, world: World) -> None:
        for label in ROW_PAGES:
            row, name = world.foreign[label], name_of(label)
            for page in ("change", "history", "delete"):
                path = reverse(f"admin:{name}_{page}", args=[row.pk])
                for person in ROLES:
                    client = world.people[person]
                    assert not is_let_in(client, path), path
                    assert not is_let_in(client, path, "POST", {"post": "yes"}), path
            assert type(row)._default_manager.filter(pk=row.pk).exists()

    def test_lists_show_the_rows_of_own_workspaces_only(self, world: World) -> None:
        for label in ROW_PAGES:
            path = reverse(f"admin:{name_of(label)}_changelist")
            for person in (name for name, may in expected(ROW_PAGES[label][0]).items() if may):
                for row, is_seen in (
                    (world.own[label], True),
                    (world.foreign[label], person == "root"),
                ):
                    one = {"workspace": row.workspace.slug} if label in ONE_WORKSPACE else {}
                    # The log leaves out what the platform did, unless it is asked for.
                    one |= {"by": "all"} if label == "workspaces.AuditEvent" else {}
                    page = world.people[person].get(path, one).content.decode()
                    link = reverse(f"admin:{name_of(label)}_change", args=[row.pk])
                    assert (link in page) is is_seen, (path, person)
                assert "away" not in page or person == "root", f"{path}: a filter or a column"

    def test_the_index_names_what_can_be_opened(self, world: World) -> None:
        for person, client in world.people.items():
            page = client.get("/admin/records/").content.decode()
            for label, (view, _, _) in {**ROW_PAGES, **SHARED_PAGES}.items():
                path = reverse(f"admin:{name_of(label)}_changelist")
                assert (f'href="{path}"' in page) is expected(view)[person], (person, path)


class TestVerbs:
    """What the buttons lead to."""

    @pytest.mark.parametrize("name", ROW_VERBS)
    def test_the_role_in_the_rows_workspace_decides(self, world: World, name: str) -> None:
        method, needed, data = ROW_VERBS[name]
        model = name.rpartition("_")[0].removesuffix("_password").removesuffix("_items")
        own = world.row(next(label for label in LABELS if name_of(label) == model))
        path = reverse(f"admin:{name}", args=[own.pk])
        assert seen_by(world, path, method, data) == expected(needed)
        foreign = world.foreign.get(own._meta.label)
        if foreign is not None:
            path = reverse(f"admin:{name}", args=[foreign.pk])
            assert seen_by(world, path, method, data) == expected("root")

    @pytest.mark.parametrize("name", SHARED_VERBS)
    def test_the_role_in_any_workspace_decides(self, world: World, name: str) -> None:
        method, needed, data = SHARED_VERBS[name]
        assert seen_by(world, reverse(f"admin:{name}"), method, data) == expected(needed)

    def test_the_role_decides_about_actions(self, world: World) -> None:
        for label, actions in ACTIONS.items():
            path = reverse(f"admin:{name_of(label)}_changelist")
            for (action, needed), (person, client) in product(
                actions.items(), world.people.items()
            ):
                may = expected(needed)[person]
                before = AuditEvent.objects.count()
                row = [str(world.row(label).pk)]
                data = {"action": action, "_selected_action": row, "reason": "x", "priority": "1"}
                let_in = is_let_in(client, path, "POST", data)
                # Drain is not offered to others, so posting it is as good as posting nothing.
                assert let_in is may or label == "workers.Node", (label, action, person)
                assert may or AuditEvent.objects.count() == before, (label, action, person)

    @pytest.mark.parametrize("label", [label for label in ACTIONS if label in ROW_PAGES])
    def test_actions_do_not_reach_other_workspaces(self, world: World, label: str) -> None:
        path = reverse(f"admin:{name_of(label)}_changelist")
        row = world.foreign[label]
        before = AuditEvent.objects.filter(workspace=world.away).count()
        data = {"_selected_action": [str(row.pk)], "reason": "x", "post": "yes", "priority": "1"}
        for action, across in product(ACTIONS[label], ("0", "1")):
            sent = {**data, "action": action, "select_across": across}
            world.people["admin"].post(path, sent)
        assert AuditEvent.objects.filter(workspace=world.away).count() == before
        assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_nothing_reveals_whether_a_row_of_another_workspace_exists(world: World) -> None:
    content_type = ContentType.objects.get_for_model(Task)
    row = world.foreign["tasks_app.Task"]
    for pk in (row.pk, uuid7()):
        answer = world.people["admin"].get(f"/admin/r/{content_type.pk}/{pk}/")
        assert answer.status_code == 404
        assert str(pk) not in answer.content.decode()


def test_rows_are_found_by_their_own_label(world: World) -> None:
    found: dict[str, Model] = {**world.own, **world.shared}
    assert set(found) == set(LABELS)
