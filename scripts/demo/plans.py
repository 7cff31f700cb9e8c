"""People, schedules with their firings, and what people did."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from controlplane.core.ids import first_id_of
from controlplane.ops.schedules.editing import create_schedule
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.timing.parsing import parse_timing
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import ApiKey, AuditEvent, Workspace
from controlplane.workspaces.services import add_member
from controlplane.workspaces.states import ActorKind
from dlq.models import DeadLetter
from scripts.demo.story import DAY, DISCARDED, DISCARDED_BECAUSE, HOUR, MINUTE, PAUSED_BECAUSE

PEOPLE = (("mira.okafor", "Mira", "Okafor", "operator"), ("jonas.weber", "Jonas", "Weber", "admin"))
FAILING = "nightly-ledger-export"
_TYPE = "data-processing"
SCHEDULES = {
    "sync-crm": "*/5 * * * *",
    "reconcile-payouts": "30 * * * *",
    "verify-backup": "0 4 * * *",
    "refresh-exchange-rates": "0 * * * *",
    "daily-digest-email": "0 6 * * *",
    "payout-settlement": "0 7-19 * * 1-5",
    "rotate-webhook-keys": "15 1 * * 0",
    "close-month": "0 3 1 * *",
    FAILING: "0 2 * * *",
}
_LOOK_BACK = (HOUR, 11 * HOUR, 11 * DAY, 75 * DAY, 330 * DAY)
_FIRINGS = 10  # of each schedule
_MAX_TIMES = 200
_DENIED = {
    "class": "PermissionDenied",
    "message": "s3://ledger-archive refused the upload",
    "traceback": "",
    "category": "CODE",
}


def make_people(workspaces: list[Workspace]) -> list[Any]:
    """Members of all workspaces, who may open every page of the site."""
    found = []
    for name, first, last, role in PEOPLE:
        user, _ = get_user_model().objects.get_or_create(
            username=name,
            defaults={
                "first_name": first,
                "last_name": last,
                "is_staff": True,
                "is_superuser": role == "admin",
            },
        )
        user.user_permissions.set(Permission.objects.all())
        for workspace in workspaces:
            add_member(workspace=workspace, user=user, role=role, actor=SYSTEM)
        found.append(user)
    return found


def make_schedules(workspace: Workspace, now: datetime) -> None:
    """Schedules whose firings completed, and one that failed three times."""
    for name, text in SCHEDULES.items():
        values = {"name": name, "schedule": text, "task_type": _TYPE, "payload": {"data": name}}
        schedule = create_schedule(workspace_id=workspace.id, values=values, actor=SYSTEM)
        Firing.objects.bulk_create(list_firings(schedule, name, now))


def list_firings(schedule: Schedule, name: str, now: datetime) -> list[Firing]:
    """The newest ten of its times that are over."""
    timing = parse_timing(SCHEDULES[name], "UTC", anchor=now)
    looked = (timing.between(now - span, now - MINUTE, _MAX_TIMES) for span in _LOOK_BACK)
    times = next(each for each in looked if len(each) >= _FIRINGS)[-_FIRINGS:]
    found = []
    for number, at in enumerate(times):  # the newest has the highest id
        has_failed = name == FAILING and number >= len(times) - 3
        found.append(
            Firing(
                schedule=schedule,
                workspace_id=schedule.workspace_id,
                scheduled_for=at,
                kind="schedule",
                state="FAILED" if has_failed else "COMPLETED",
                late_ms=140,
                error=_DENIED if has_failed else None,
                decided_at=at + timedelta(milliseconds=140),
                started_at=at + timedelta(milliseconds=300),
                finished_at=at + timedelta(seconds=41),
            )
        )
    return found


def make_audit(workspace: Workspace, now: datetime) -> None:
    """What people did. The log is only added to, so each entry is written with its time."""
    jonas = (ActorKind.USER.value, "2", "jonas.weber")
    mira = (ActorKind.USER.value, "1", "mira.okafor")
    key = str(ApiKey.objects.get(workspace=workspace, name="grafana").id)
    schedule = str(Schedule.objects.get(workspace=workspace, name="sync-crm").id)
    letters = DeadLetter.objects.filter(workspace=workspace, resolved_at=now - DISCARDED)
    discarded = list(letters.order_by("id").values_list("id", flat=True))
    done: tuple[tuple[timedelta, tuple[str, str, str], str, str, str, dict[str, Any]], ...] = (
        (61 * DAY, jonas, "api_key.create", "api_key", key,
         {"name": "grafana", "role": "viewer"}),
        (2 * DAY, jonas, "scaling.configure", "pool", "default",
         {"changes": {"maxWorkers": {"before": 10, "after": 12, "source": "changed"}}}),
        (9 * HOUR, mira, "schedule.update", "schedule", schedule,
         {"name": "sync-crm", "enabled": True, "before": {"enabled": False}}),
        (2 * HOUR, jonas, "queue.change", "queue", "media",
         {"before": {"paused": False}, "after": {"paused": True}, "reason": PAUSED_BECAUSE}),
        (DISCARDED, mira, "dlq.discard", "dead-letter", str(discarded[0]),
         {"count": len(discarded), "reason": DISCARDED_BECAUSE}),
    )  # fmt: skip
    AuditEvent.objects.bulk_create(
        AuditEvent(
            id=UUID(int=first_id_of(now - ago).int | 0x7 << 76 | 2 << 62),
            workspace=workspace,
            actor_kind=kind,
            actor_id=actor_id,
            actor_label=label,
            action=action,
            target_type=target_type,
            target_id=target,
            detail=detail,
            door="page",
            created_at=now - ago,
        )
        for ago, (kind, actor_id, label), action, target_type, target, detail in done
    )
