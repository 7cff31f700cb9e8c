"""Rows of every kind that the admin shows, in two workspaces, and people with each role."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.test import Client
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_celery_results.models import GroupResult, TaskResult

from controlplane.core.clock import now
from controlplane.ops.schedules import triggering
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq.filters import LetterFilter
from dlq.models import LetterGroup
from dlq.replays import start_replay
from tasks_app.models import IdempotencyKey
from tests.clients import default_workspace, key_client, other_workspace
from tests.factories import (
    make_declaration,
    make_job,
    make_leader,
    make_letter,
    make_node,
    make_operation,
    make_queue,
    make_run,
    make_scaling_event,
    make_stress_test,
    make_task,
    make_view,
    set_pool,
)

ROLES = ("viewer", "operator", "admin")
Rows = dict[str, Model]


def rows_of(workspace: Workspace) -> Rows:
    """One row of each model that belongs to a workspace, by label."""
    run = make_run(workspace=workspace)
    letter = make_letter(workspace=workspace)
    replay = start_replay(
        workspace_id=workspace.id, letter_filter=LetterFilter(ids=(letter.id,)), actor=SYSTEM
    )
    schedule = make_job("nightly", workspace)
    firing = triggering.trigger_schedule(
        workspace_id=workspace.id, schedule_id=schedule.id, actor=SYSTEM
    )
    user = get_user_model().objects.create_user(f"member-{workspace.slug}")
    member = services.add_member(workspace=workspace, user=user, role="viewer", actor=SYSTEM)
    answer = IdempotencyKey.objects.create(
        workspace_id=workspace.id, key="k", body_hash=b"x" * 32, answer={}, expires_at=now()
    )
    found: list[Model] = [
        workspace, member, key_client(workspace=workspace).api_key, make_task(workspace=workspace),
        make_queue("mail", workspace), answer, run.workflow, run, letter, replay, schedule, firing,
        make_stress_test(1, workspace=workspace, name="load"), make_operation(workspace),
        make_view(workspace=workspace, is_shared=True),
        LetterGroup.objects.get(id=letter.id),
    ]  # fmt: skip
    event = AuditEvent.objects.filter(workspace=workspace).latest("id")
    return {row._meta.label: row for row in [*found, event]}


def shared_rows() -> Rows:
    """One row of each model that belongs to no workspace."""
    at = now()
    found: list[Model] = [
        make_node(), make_declaration(), make_scaling_event(), set_pool(), make_leader(),
        get_user_model().objects.create_user("somebody"), Group.objects.create(name="group"),
        TaskResult.objects.create(task_id=str(uuid4())),
        GroupResult.objects.create(group_id=str(uuid4()), date_created=at, date_done=at),
        ClockedSchedule.objects.create(clocked_time=at), CrontabSchedule.objects.create(),
        IntervalSchedule.objects.create(every=1, period="days"),
        SolarSchedule.objects.create(event="sunset", latitude=1, longitude=1),
    ]  # fmt: skip
    interval = IntervalSchedule.objects.latest("id")
    found.append(PeriodicTask.objects.create(name="beat's own", task="x", interval=interval))
    return {row._meta.label: row for row in found}


class World:
    """Both workspaces with their rows, and who looks at them."""

    def __init__(self) -> None:
        self.home, self.away = default_workspace(), other_workspace("away")
        self.own, self.foreign = rows_of(self.home), rows_of(self.away)
        self.shared = shared_rows()
        self.people = {role: log_in(role, self.home, role) for role in ROLES}
        self.people["stranger"] = log_in("stranger")
        self.people["root"] = log_in("root", is_superuser=True)
        # An admin by role only: see test_permissions.py.
        self.unpermitted = log_in("unpermitted", self.home, "admin", permissions=())

    def row(self, label: str) -> Any:
        """The row that members of the first workspace may look at."""
        return self.own.get(label) or self.shared[label]


def log_in(
    name: str,
    workspace: Workspace | None = None,
    role: str = "",
    *,
    permissions: Iterable[str] | None = None,
    **fields: Any,
) -> Client:
    """A staff member with every permission that Django knows, or with these, such as
    `view_task`."""
    user: User = get_user_model().objects.create_user(name, is_staff=True, **fields)
    known = Permission.objects.all()
    chosen = known if permissions is None else known.filter(codename__in=list(permissions))
    user.user_permissions.set(chosen)
    if workspace is not None:
        services.add_member(workspace=workspace, user=user, role=role, actor=SYSTEM)
    client = Client()
    client.force_login(user)
    return client
