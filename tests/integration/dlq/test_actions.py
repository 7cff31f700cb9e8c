"""One verb for many letters, lists, figures and retention."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.http import QueryDict

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.schema.filters import read_body, read_query
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq import bulk, discard, queries
from dlq.filters import LetterFilter
from dlq.models import DeadLetter
from tasks_app.models import Task
from tasks_app.services import prune_everything, submit_task
from tasks_app.specs import TaskSpec
from tests.clients import other_workspace
from tests.factories import make_error, make_letter
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db


def act(workspace: Workspace, actor: Actor, action: str, wanted: LetterFilter, **more: Any) -> Any:
    return bulk.act_on_letters(
        workspace_id=workspace.id, action=action, letter_filter=wanted, actor=actor, **more
    )


def statuses() -> list[str]:
    return list(DeadLetter.objects.order_by("id").values_list("status", flat=True))


def test_reprocessing_by_filter_takes_what_is_open_and_matches(
    workspace: Workspace, ada: Actor
) -> None:
    wanted = [make_letter(queue="billing"), make_letter(queue="billing")]
    make_letter(queue="mail")
    make_letter(queue="billing", workspace=other_workspace())
    dry = act(workspace, ada, "reprocess", LetterFilter(queues=("billing",)), dry_run=True)
    assert (dry.matched, dry.changed) == (2, 0)
    assert statuses() == ["OPEN"] * 4
    done = act(workspace, ada, "reprocess", LetterFilter(queues=("billing",)))
    assert (done.matched, done.changed, done.has_more, done.refusals) == (2, 2, False, {})
    assert statuses() == ["REPROCESSED", "REPROCESSED", "OPEN", "OPEN"]
    repeats = Task.objects.filter(reprocess_of__in=[letter.task_id for letter in wanted])
    assert repeats.count() == 2
    (event,) = AuditEvent.objects.filter(action="dlq.reprocess")
    assert event.detail["count"] == 2
    assert set(DeadLetter.objects.filter(status="REPROCESSED").values_list("resolved_by")) == {
        ("ada",)
    }


def test_a_family_is_reprocessed_together_whatever_the_order(
    workspace: Workspace, ada: Actor
) -> None:
    parent = submit_task(spec=TaskSpec(type="test-echo"))
    child = submit_task(spec=TaskSpec(type="test-echo", depends_on=[parent]))
    grandchild = submit_task(spec=TaskSpec(type="test-echo", depends_on=[child, parent]))
    run_task(parent, make_error())
    done = act(workspace, ada, "reprocess", LetterFilter(everything=True))
    assert (done.matched, done.changed) == (3, 3)
    new = {t.reprocess_of: t for t in Task.objects.filter(reprocess_of__isnull=False)}
    assert new[parent].state == "PENDING"
    assert new[child].state == new[grandchild].state == "BLOCKED"
    assert new[grandchild].blocked_by == 2
    run_task(new[parent].id)
    new[child].refresh_from_db()
    assert new[child].state == "PENDING"


def test_one_that_is_refused_does_not_keep_the_others(workspace: Workspace, ada: Actor) -> None:
    make_letter()
    gone = make_letter(type="was-removed")
    make_letter()
    done = act(workspace, ada, "reprocess", LetterFilter(everything=True))
    assert (done.matched, done.changed) == (3, 2)
    ((reason, letter),) = done.refusals.items()
    assert "was-removed" in reason
    assert letter == gone.id
    assert statuses() == ["REPROCESSED", "OPEN", "REPROCESSED"]


def test_the_audit_log_says_how_a_payload_given_to_many_differs(
    workspace: Workspace, ada: Actor
) -> None:
    letters = [make_letter(payload={"order": n, "password": "hunter2"}) for n in range(25)]
    payload = {"order": 3, "password": "hunter3"}
    act(workspace, ada, "reprocess", LetterFilter(everything=True), payload=payload)
    (event,) = AuditEvent.objects.filter(action="dlq.reprocess")
    payloads = event.detail["payloads"]
    assert (event.detail["count"], len(payloads)) == (25, 20)
    assert payloads[str(letters[0].id)]["changed"] == {
        "order": ["0", "3"],
        "password": ["***", "***"],
    }
    assert list(payloads[str(letters[3].id)]["changed"]) == ["password"]


def test_what_the_audit_log_says_of_payloads_is_bounded(workspace: Workspace, ada: Actor) -> None:
    for _ in range(20):
        make_letter(payload={f"{'k' * 200}{n}": "x" * 300 for n in range(50)})
    act(workspace, ada, "reprocess", LetterFilter(everything=True), payload={})
    (event,) = AuditEvent.objects.filter(action="dlq.reprocess")
    assert 1 <= len(event.detail["payloads"]) < 10


def test_discarding_by_filter(workspace: Workspace, ada: Actor) -> None:
    make_letter(make_error(category="NETWORK"))
    make_letter()
    wanted = LetterFilter(categories=("NETWORK",))
    with pytest.raises(Invalid, match="reason"):
        act(workspace, ada, "discard", wanted)
    done = act(workspace, ada, "discard", wanted, reason="the service is gone")
    assert (done.matched, done.changed) == (1, 1)
    assert statuses() == ["DISCARDED", "OPEN"]


def test_everything_must_be_confirmed(workspace: Workspace, ada: Actor) -> None:
    make_letter()
    for wanted in (LetterFilter(), LetterFilter(statuses=("OPEN",))):
        with pytest.raises(Invalid, match="all"):
            act(workspace, ada, "discard", wanted, reason="no")
    with pytest.raises(Invalid, match="action"):
        act(workspace, ada, "burn", LetterFilter(everything=True))
    assert statuses() == ["OPEN"]


def test_a_call_has_a_limit_and_says_so(
    workspace: Workspace, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_PER_CALL", 3)
    monkeypatch.setattr(bulk, "_CHUNK", 2)
    for _ in range(4):
        make_letter()
    wanted = LetterFilter(everything=True)
    done = act(workspace, ada, "discard", wanted, reason="no")
    assert (done.matched, done.changed, done.has_more) == (3, 3, True)
    rest = act(workspace, ada, "discard", wanted, reason="no")
    assert (rest.matched, rest.changed, rest.has_more) == (1, 1, False)
    assert AuditEvent.objects.filter(action="dlq.discard").count() == 3


def found(workspace: Workspace, query: str) -> list[UUID]:
    wanted = read_query(LetterFilter, QueryDict(query))
    letters = queries.list_letters(workspace.id, wanted)
    return list(letters.order_by("id").values_list("id", flat=True))


def test_each_filter_finds_its_letters(workspace: Workspace) -> None:
    a = make_letter(
        make_error("connection refused", category="NETWORK"), queue="mail", name="letter to ada"
    )
    b = make_letter(make_error("17 is no name", name="KeyError"), type="test-work", payload={})
    DeadLetter.objects.filter(id=b.id).update(died_at=now() - timedelta(days=2))
    b.refresh_from_db()
    make_letter(workspace=other_workspace())
    day_ago = (now() - timedelta(days=1)).isoformat().replace("+", "%2B")
    for query, expected in [
        ("", [a, b]),
        ("category=network,TIMEOUT", [a]),
        ("type=test-work", [b]),
        ("queue=mail", [a]),
        (f"fingerprint={a.fingerprint}", [a]),
        (f"id={a.id},{b.id}", [a, b]),
        (f"taskId={b.task_id}", [b]),
        ("status=OPEN", [a, b]),
        ("status=DISCARDED", []),
        ("search=REFUSED", [a]),
        ("search=keyerr", [b]),
        ("search=to ada", [a]),
        (f"search={a.task_id}", [a]),
        (f"since={day_ago}", [a]),
        (f"until={day_ago}", [b]),
        (f"since={day_ago}&category=CODE", []),
    ]:
        assert found(workspace, query) == [letter.id for letter in expected], query


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"category": "WEATHER"}, "filter.category"),
        ({"status": ["OPEN", "SHUT"]}, "filter.status"),
        ({"id": "17"}, "filter.id"),
        ({"since": "yesterday"}, "filter.since"),
        ({"since": ["2026-01-01T00:00:00Z"] * 2}, "filter.since"),
        ({"search": ["a", "b"]}, "filter.search"),
        ({"type": 5}, "filter.type"),
        ({"type": []}, "filter.type"),
        ({"queue": "a\x00"}, "filter.queue"),
        ({"colour": "red"}, "filter.colour"),
        ({"all": False}, "filter.all"),
        ({"fingerprint": ["x"] * 201}, "filter.fingerprint"),
    ],
)
def test_a_wrong_filter_names_its_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_body(LetterFilter, body)
    assert [e["field"] for e in refused.value.errors] == [field]


def test_a_filter_is_kept_as_it_was_asked() -> None:
    wanted = read_body(
        LetterFilter,
        {
            "category": ["NETWORK"],
            "since": "2026-01-31T08:00:00.125Z",
            "id": "018f6f2e-0000-7000-8000-000000000000",
            "search": "a,b",
            "all": True,
        },
    )
    assert read_body(LetterFilter, wanted.to_json()) == wanted


def test_the_figures_of_a_workspace(workspace: Workspace, ada: Actor) -> None:
    same = [
        make_letter(make_error(f"order {n} is stuck"), type="test-work", payload={})
        for n in range(3)
    ]
    make_letter(make_error("another", name="OSError", category="NETWORK"))
    closed = make_letter(make_error("closed"))
    discard.discard_letter(workspace_id=workspace.id, letter_id=closed.id, reason="no", actor=ada)
    make_letter(workspace=other_workspace())
    yesterday = now() - timedelta(days=1)
    DeadLetter.objects.filter(id=same[0].id).update(died_at=yesterday)
    stats = queries.get_letter_stats(workspace.id)
    assert (stats.open, stats.total, stats.is_estimate) == (4, 5, False)
    assert stats.by_status == {"OPEN": 4, "REPROCESSED": 0, "DISCARDED": 1}
    assert stats.by_category == {"CODE": 3, "NETWORK": 1}
    assert stats.by_type == {"test-work": 3, "test-echo": 1}
    assert stats.oldest_open == yesterday
    assert len(stats.by_day) == 30
    assert list(stats.by_day.values())[-2:] == [1, 4]
    group, other = stats.groups
    assert (group.fingerprint, group.count, group.types) == (
        same[0].fingerprint,
        3,
        ["test-work"],
    )
    assert (group.letter_id, group.message) == (same[2].id, "order # is stuck")
    assert (group.first_seen, group.last_seen) == (yesterday, same[2].died_at)
    assert (other.error_class, other.category, other.count) == ("OSError", "NETWORK", 1)


def test_letters_outlive_tasks_and_go_by_their_own_retention(
    workspace: Workspace, settings: Any
) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "DLQ_RETENTION_DAYS": 10}
    old, young = make_letter(), make_letter()
    DeadLetter.objects.filter(id=old.id).update(died_at=now() - timedelta(days=11))
    Task.objects.all().delete()
    assert prune_everything()["deadLetters"] == 1
    assert list(DeadLetter.objects.values_list("id", flat=True)) == [young.id]
    assert prune_everything()["deadLetters"] == 0


@pytest.mark.parametrize(
    ("query", "must_scan"),
    [
        ("", False),
        ("status=OPEN", False),
        ("status=OPEN&fingerprint=0123456789abcdef", False),
        ("fingerprint=0123456789abcdef", True),
        ("since=2026-01-01T00:00:00Z", False),
        ("status=DISCARDED", True),
        ("search=x", True),
        ("search=x&taskId=018f6f2e-0000-7000-8000-000000000000", False),
    ],
)
def test_a_read_that_no_index_serves_is_known(query: str, must_scan: bool) -> None:
    assert read_query(LetterFilter, QueryDict(query)).must_scan is must_scan
