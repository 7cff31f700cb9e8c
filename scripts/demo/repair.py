"""What people did about failures: groups in every state, and bulk operations in every state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from controlplane.core.clock import utc_z
from controlplane.ops.operations.models import Operation, OperationItem
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import ActorKind, Role
from dlq.fingerprints import fingerprint
from dlq.groups import Decision, decide
from dlq.models import DeadLetter, LetterGroup
from scripts.demo.automation import SECOND, id_of
from scripts.demo.story import BILLING, DAY, HOUR, MINUTE, REPORTS, WEBHOOKS
from tasks_app.models import Queue, Task
from workers.models import Node

_CATALOGUE = ("import-catalog", "KeyError", "'sku'")
_INVOICES = ("issue-invoice", "ValidationError", "amount must be greater than 0")
_REPAIRED, _MUTED = 14, 38


def make_groups(workspace: Workspace, now: datetime) -> None:
    """The incident is open, one group is back, one has an owner, one is muted, one is resolved."""
    resolved = {
        "status": "DISCARDED",
        "discard_reason": "The catalogue was sent again.",
        "resolved_by": "mira.okafor",
        "resolved_at": now - 11 * HOUR,
    }
    _make_letters(workspace, now - 12 * HOUR, _CATALOGUE, _REPAIRED, **resolved)
    _make_letters(workspace, now - 23 * MINUTE, _INVOICES, _MUTED)
    mira, jonas = _actor("mira.okafor"), _actor("jonas.weber")
    _decide(workspace, BILLING.type, mira, Decision(owner="mira.okafor"))
    _decide(
        workspace, WEBHOOKS.type, jonas,
        Decision(
            state="ACKNOWLEDGED", owner="jonas.weber", ticket="https://tickets.example/OPS-2291",
            note="The merchant has to renew its address.",
        ),
    )  # fmt: skip
    _decide(
        workspace, _INVOICES[0], jonas,
        Decision(state="MUTED", muted_until=now + 3 * DAY, note="tax office test data"),
    )  # fmt: skip
    _decide(workspace, _CATALOGUE[0], mira, Decision(state="RESOLVED"))
    regressed = LetterGroup.objects.filter(workspace=workspace, type=REPORTS.type)
    back_at = now - 18 * MINUTE
    regressed.update(
        state="REGRESSED", state_at=back_at, regressed_at=back_at, regressed_versions=["4.12.0"]
    )


def _make_letters(
    workspace: Workspace, newest: datetime, failure: tuple[str, str, str], count: int,
    **columns: object,
) -> None:  # fmt: skip
    """Letters whose tasks are no longer stored, one each minute until `newest`."""
    task_type, name, message = failure
    error = {"class": name, "message": message, "traceback": "", "category": "CODE"}
    node = Node.objects.filter(state="STOPPED").order_by("id")[0]
    alike = fingerprint(
        category="CODE", error_class=name, message=message, traceback="", task_type=task_type
    )
    deaths = [newest - (count - 1 - number) * MINUTE for number in range(count)]
    DeadLetter.objects.bulk_create(
        DeadLetter(
            id=id_of(at), workspace=workspace, task_id=id_of(at - MINUTE), attempt=3,
            attempts=[_attempt(at, each, error, node) for each in (1, 2, 3)], attempts_total=3,
            name=f"{task_type} {number:03}", type=task_type, queue="default", category="CODE",
            fingerprint=alike, error=error, payload={"number": 900 + number},
            worker_version=node.version, worker_release=node.release, died_at=at, created_at=at,
            **columns,
        )
        for number, at in enumerate(deaths)
    )  # fmt: skip


def _attempt(died: datetime, number: int, error: dict[str, Any], node: Node) -> dict[str, Any]:
    """One of the three attempts of a task that died, as its letter keeps it."""
    ended = died - (3 - number) * 15 * SECOND
    return {
        "attempt": number, "outcome": "FAILED", "workerNode": node.name, "error": error,
        "startedAt": utc_z(ended - SECOND), "finishedAt": utc_z(ended),
    }  # fmt: skip


def _actor(name: str) -> Actor:
    user = get_user_model().objects.get(username=name)
    return Actor(ActorKind.USER.value, str(user.pk), name, Role.OPERATOR)


def _decide(workspace: Workspace, type_name: str, actor: Actor, decision: Decision) -> None:
    group = LetterGroup.objects.filter(workspace=workspace, type=type_name).order_by("id").first()
    if group is not None:
        decide(workspace_id=workspace.id, group_id=group.id, decision=decision, actor=actor)


def make_operations(workspace: Workspace, now: datetime) -> None:
    """One in each state: the open ones are paused, since nothing carries them out here."""
    tasks = [str(each) for each in _list_tasks(workspace)]
    queues = list(Queue.objects.filter(workspace=workspace).values_list("name", flat=True))
    _operation(
        workspace, now - 26 * HOUR, "queues", "pause", queues, "Maintenance of the ledger.",
        state="COMPLETED", by="jonas.weber",
    )  # fmt: skip
    _operation(
        workspace, now - 25 * HOUR, "queues", "resume", queues, "The ledger is back.",
        state="COMPLETED", by="jonas.weber",
    )  # fmt: skip
    _operation(
        workspace, now - 3 * HOUR, "tasks", "retry", tasks[:76], "The mail server answers again.",
        state="COMPLETED", by="mira.okafor", refused=4,
    )  # fmt: skip
    _operation(
        workspace, now - 90 * MINUTE, "tasks", "cancel", tasks[:300], "Sent twice.",
        state="CANCELLED", by="mira.okafor", done=180,
    )  # fmt: skip
    _operation(
        workspace, now - HOUR, "tasks", "delete", [], "Older than the contract.",
        state="STOPPED", by="jonas.weber", matched=1_204_000, is_estimate=True,
        stop_reason="More than 1,000,000 match, which is the limit. Nothing was changed.",
    )  # fmt: skip
    _operation(
        workspace, now - 12 * MINUTE, "tasks", "reprioritize", tasks[:500], "Orders come first.",
        state="RUNNING", by="mira.okafor", done=220, paused_at=now - 9 * MINUTE,
        options={"priority": 20},
    )  # fmt: skip
    letters = DeadLetter.objects.filter(workspace=workspace, type=BILLING.type, status="OPEN")
    ids = [str(each) for each in letters.order_by("id").values_list("id", flat=True)]
    _operation(
        workspace, now - 2 * MINUTE, "dead-letters", "reprocess", ids[:500], "eu-2 answers.",
        state="LISTING", by="mira.okafor", done=0, matched=len(ids), paused_at=now - MINUTE,
        selection={"filter": {"type": [BILLING.type]}}, begun_at=None,
    )  # fmt: skip


def _list_tasks(workspace: Workspace) -> Sequence[UUID]:
    tasks = Task.objects.filter(workspace=workspace).order_by("id")
    return list(tasks.values_list("id", flat=True)[:500])


def _operation(
    workspace: Workspace, at: datetime, target: str, action: str, keys: Sequence[str], reason: str,
    *, state: str, by: str, done: int | None = None, refused: int = 0, matched: int = 0,
    **columns: object,
) -> None:  # fmt: skip
    """An operation on these objects, of which the first `done` have an outcome."""
    done = len(keys) if done is None else done
    has_ended = state in ("COMPLETED", "CANCELLED", "STOPPED")
    values: dict[str, Any] = {
        "selection": {"ids": list(keys[:1_000])} if keys else {"filter": {}},
        "begun_at": at + SECOND if keys else None,
        **columns,
    }
    operation = Operation.objects.create(
        workspace=workspace, target=target, action=action, reason=reason, state=state,
        matched=matched or len(keys), total=len(keys), submitted=done, changed=done - refused,
        refused=refused, until_key=max(keys, default=""), listed_to=max(keys, default=""),
        created_by=by, created_at=at, finished_at=at + 40 * SECOND if has_ended else None, **values,
    )  # fmt: skip
    OperationItem.objects.bulk_create(
        OperationItem(
            operation=operation, workspace_id=workspace.id, ordinal=number, target_id=key,
            outcome="" if number > done else "REFUSED" if number <= refused else "CHANGED",
            detail="The task runs: wait for its end, or cancel it." if number <= refused else "",
            at=at + SECOND * (number // 20 + 1) if number <= done else None,
        )
        for number, key in enumerate(keys, start=1)
    )  # fmt: skip
