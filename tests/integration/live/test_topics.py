"""Every registered topic: bounded, plain JSON, and whole after any history."""

import random
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import NotFound
from controlplane.core.schema import represent
from controlplane.live.changes import Change, Snapshot, apply, find_change, merge
from controlplane.live.topics import (
    MAX_SNAPSHOT_BYTES,
    find_topic,
    list_topics,
    read_snapshot,
)
from controlplane.ops.overview.panels import PANELS
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from dlq.models import DeadLetter
from tasks_app import live
from tasks_app.models import Queue, QueueDescriptor, Task
from tests.clients import other_workspace
from tests.factories import (
    make_attempt,
    make_firing,
    make_letter,
    make_log,
    make_node,
    make_queue,
    make_task,
)
from tests.integration.live.world import World
from workers.models import Node
from workflows.models import WorkflowRun

ROOT = Path(__file__).parents[3]
QUERIES_MAX = 17
# Each is another history: a few by day, more at night.
SEEDS = [1, 2, 3, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(4, 24))]


def read(name: str, workspace_id: UUID = DEFAULT_WORKSPACE_ID) -> Snapshot:
    return read_snapshot(workspace_id, find_topic(name))


def exact(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", SEEDS)
def test_a_snapshot_with_its_changes_is_a_fresh_snapshot(seed: int) -> None:
    """As the broadcaster finds the changes, as a hub merges them, as a client applies them."""
    world = World(random.Random(seed))
    names = [world.key_of(topic) for topic in list_topics()]
    known = {name: read(name) for name in names}
    clients, slow = dict(known), dict(known)
    missed = {name: Change() for name in names}
    changed = set()
    for moves in world.history():
        for move in moves:
            move()
        for name in names:
            fresh = read(name)
            change = Change(**orjson.loads(orjson.dumps(find_change(known[name], fresh).to_json())))
            known[name] = fresh
            if change:
                changed.add(name)
            clients[name] = apply(clients[name], change)
            missed[name] = merge(missed[name], change)
            assert exact(clients[name]) == exact(fresh)
    for name in names:
        assert exact(apply(slow[name], missed[name])) == exact(known[name])
    # A topic that no move changes would prove nothing.
    assert changed == set(names)


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow() -> None:
    world = World(random.Random(3))

    def count() -> dict[str, int]:
        found = {}
        for topic in list_topics():
            with CaptureQueriesContext(
                connection,
            ) as queries:
                read(world.key_of(topic))
            found[topic.name] = len(queries)
        return found

    for move in world.moves:
        move()
    before = count()
    for _ in range(3):
        for move in world.moves[:-2]:
            move()
    assert count() == before
    # The panels of the start page together, each in a savepoint of its own.
    assert before.pop("overview") <= 2 * QUERIES_MAX + len(PANELS)
    assert max(before.values()) <= QUERIES_MAX, before


@pytest.mark.django_db
def test_another_workspace_has_its_own_rows() -> None:
    world = World(random.Random(4))
    for move in world.moves[:-2]:
        move()
    other = other_workspace()
    own = {
        str(row)
        for model in (Task, DeadLetter)
        for row in model.objects.values_list("id", flat=True)
    }
    for topic in list_topics():
        name = world.key_of(topic)
        if topic.pattern.endswith("<id>"):
            with pytest.raises(NotFound):
                read(name, other.id)
        else:
            text = orjson.dumps(read(name, other.id)).decode()
            assert not own & set(re.findall(r"[0-9a-f-]{36}", text)), name
    assert read("tasks", other.id)["total"] == 0


@pytest.mark.django_db
def test_of_too_many_queues_those_that_wait_longest_are_sent() -> None:
    shared = {"workspace_id": DEFAULT_WORKSPACE_ID, "paused_at": now(), "paused_by": "ada"}
    Queue.objects.bulk_create(
        Queue(name=f"{number:0>95}", pause_reason="€" * 500, **shared) for number in range(1_000)
    )
    late, last = make_queue("z" * 100), make_queue("zz")
    QueueDescriptor.objects.create(queue=late, title="Late", description="x" * 2_000)
    make_task(queue=late.name, created_at=now() - timedelta(minutes=6))
    found = read("queues")
    assert found["order"] == sorted(found["rows"])
    assert found["order"][-2:] == [last.name, late.name]
    assert MAX_SNAPSHOT_BYTES - 2_500 < len(orjson.dumps(found)) <= MAX_SNAPSHOT_BYTES
    row = found["rows"][late.name]
    assert row["depth"] == 1
    assert not {"title", "description", "owner", "runbook", "createdAt"} & row.keys()


@pytest.mark.django_db
def test_of_too_many_slots_those_of_live_nodes_are_sent() -> None:
    slots = [
        {"slot": number, "running": 1, "taskId": None, "startedAt": utc_z(now())}
        for number in range(128)
    ]
    ids = [make_node(f"node-{number}", slots=slots).id for number in range(99)]
    Node.objects.filter(id__in=ids[50:]).update(state="STOPPED", stopped_at=now())
    found = read("workers")
    assert found["order"] == list(found["rows"])
    assert [int(each) for each in found["order"]] == sorted(map(int, found["rows"]), reverse=True)
    assert set(map(str, ids[:50])) < set(found["rows"])
    assert len(found["rows"]) < len(ids)
    assert len(orjson.dumps(found)) <= MAX_SNAPSHOT_BYTES


@pytest.mark.django_db
def test_many_short_lived_nodes_hide_none_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "NODES_SHOWN", 3)
    lasting = make_node("lasting")
    ended = [make_node(f"brief-{n}", state="STOPPED", stopped_at=now()) for n in range(4)]
    shown = [str(node.id) for node in (ended[3], ended[2], lasting)]
    assert read("workers")["order"] == shown


@pytest.mark.django_db
def test_what_users_wrote_passes_the_one_door(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a-secret-of-the-payload"
    world = World(random.Random(6))
    error = {"class": "E", "message": secret, "traceback": secret, "category": "CODE"}
    values = {"payload": {"a": secret}, "result": secret, "error": error}
    Task.objects.filter(id=world.task.id).update(**values)
    make_attempt(world.task, error=error)
    make_log(world.task, secret, fields={"a": secret})
    make_letter(payload={"a": secret}, error=error)
    make_firing(world.job, error=error, result=secret)
    WorkflowRun.objects.update(error={**error, "step": "a"})
    names = [world.key_of(topic) for topic in list_topics()]

    showing = {name.partition(":")[0] for name in names if secret in str(read(name))}
    assert showing == {"task", "dlq", "failure-groups", "cron", "workflow-run", "overview"}
    door = sys.modules[represent.__module__]
    monkeypatch.setattr(door, "represent_value", lambda kind, value, actor: None)
    assert not [name for name in names if secret in str(read(name))]


@pytest.mark.django_db
def test_nothing_changes_with_the_clock_alone(workspace: Workspace) -> None:
    """Ages are counted by who looks: a message a second for nothing would never end."""
    world = World(random.Random(5))
    for move in world.moves:
        move()
    Task.objects.filter(state="PENDING").delete()  # the age of the oldest is shown as a figure
    for topic in list_topics():
        name = world.key_of(topic)
        assert find_change(read(name), read(name)).to_json() == {"set": {}, "remove": []}, name


def test_the_document_names_every_topic() -> None:
    text = (ROOT / "docs" / "live.md").read_text()
    for topic in list_topics():
        row = f"| `{topic.pattern}` | `{topic.resource}:read` |"
        assert row in text, row
        assert re.search(rf"{re.escape(row)} .* \| {topic.every_seconds:g} s \|", text), row
