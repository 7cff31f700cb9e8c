"""Worker nodes with their samples, the leaders, and what the autoscaler decided."""

from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from controlplane import __version__
from scaling.models import ScalingEvent
from scaling.queries.pool import get_pool
from scaling.sentences import change, workers
from scripts.demo import types  # noqa: F401 - its nodes declare them
from scripts.demo.story import HOUR, LOSS, LOST, LOST_TASKS, MINUTE, NODES, RELEASE, RELEASES, SLOTS
from tasks_app.services.declarations import publish_declarations
from workers.models import Node, NodeSample

_GIB = 2**30
_LIMIT = 4 * _GIB
_SAMPLED = 3 * HOUR
_PER_MINUTE = 390  # tasks that end on a node
_FAILED, _FAILED_BEFORE = 0.0067, 0.0005  # the shares of them that fail for good
# Nodes that began after the release: one more was needed, and one came for the lost one.
_LATE = {"fra-08": 25 * MINUTE - timedelta(seconds=30), "fra-09": LOSS - timedelta(seconds=30)}
_WAITS = (
    "The predicted wait in 8 s is {} s with {}, {} s with {}; the limit is 48 s (objective 60 s)."
)
# Minutes ago, workers before and after, the rule, and its reason.
_DECISIONS = (
    (190, 8, 6, "load", "34.2 slots are busy on average and 68 are needed with headroom."),
    (97, 6, 6, "minimum", "The minimum of 4 workers is enough."),
    (47, 6, 7, "wait", f"The schedule predicts more arrivals. {_WAITS.format(71.3, 6, 22.4, 7)}"),
    (25, 7, 8, "wait", _WAITS.format(64.1, 7, 31.8, 8)),
    (14.5, 7, 8, "wait", "fra-05 was lost; the target stayed at 8, and fra-09 replaced it."),
)


def make_nodes(now: datetime, random: Random) -> dict[int, int]:
    """The nodes, with how many of their slots are busy, by id."""
    busy = {}
    for name, running in NODES.items():
        begun = now - _LATE.get(name, RELEASE)
        processed = round((now - begun) / MINUTE * _PER_MINUTE)
        node = _node(
            name, now, state="ACTIVE", started_at=begun, running=running, processed=processed,
            failed=round(processed * _FAILED),
        )  # fmt: skip
        node.cpu_percent = 120 + running * 21 + random.uniform(-20, 20)
        node.memory_bytes = round(_GIB * (1.2 + running * 0.09))
        node.save()
        _sample(node, now, begun, node.memory_bytes, random)
        busy[node.id] = running
    _lose(now, random)
    for name in list(NODES)[:6]:
        node = _node(
            name, now, state="STOPPED", started_at=now - 20 * HOUR, stopped_at=now - RELEASE,
            release=RELEASES[0], end_reason="Drained and stopped.", running=12, cpu_percent=380,
        )  # fmt: skip
        _sample(
            node, now - RELEASE, now - _SAMPLED, round(_GIB * 2.2), random, failed=_FAILED_BEFORE
        )
        Node.objects.filter(pk=node.pk).update(running=0)
    return busy


def _node(name: str, now: datetime, **fields: Any) -> Node:
    values = {
        "version": __version__,
        "release": RELEASES[1],
        "processed": 52_000,
        "failed": 310,
        **fields,
    }
    node = Node.objects.create(
        incarnation=uuid4(),
        name=f"{name}#{uuid4().hex[:6]}",
        host=f"{name}.workers.example",
        pid=11,
        queues=["*"],
        concurrency=SLOTS,
        heartbeat=900,
        heartbeat_at=fields.get("stopped_at", now),
        **values,
    )
    node.name = f"{name}#{node.id}"
    node.save()
    publish_declarations(node.id)
    node.refresh_from_db()
    return node


def add_slots(node_id: int, running: list[dict[str, Any]]) -> None:
    """The slots of a node that run something; those of other workspaces are there already."""
    node = Node.objects.get(id=node_id)
    busy = [slot for slot in node.slots if slot["running"]] + running
    idle = {"running": 0, "taskId": None, "startedAt": None}
    every = [*busy, *([idle] * (SLOTS - len(busy)))]
    node.slots = [{**slot, "slot": 40 + number} for number, slot in enumerate(every)]
    node.save(update_fields=["slots"])


def _lose(now: datetime, random: Random) -> None:
    node = _node(
        LOST, now, state="LOST", started_at=now - RELEASE, stopped_at=now - LOSS,
        end_reason="It was killed by signal 9 (SIGKILL); it had run for 24 min.",
        rescued=LOST_TASKS, memory_bytes=round(_LIMIT * 0.98),
        processed=24 * _PER_MINUTE, failed=62, running=13,
    )  # fmt: skip
    _sample(node, now - LOSS, now - RELEASE, round(_LIMIT * 0.98), random, grows=True)
    Node.objects.filter(pk=node.pk).update(running=0)


def _sample(node: Node, until: datetime, since: datetime, memory: int, random: Random, *,
            grows: bool = False, failed: float = _FAILED) -> None:  # fmt: skip
    total = max(1, int((until - since) / MINUTE))
    NodeSample.objects.bulk_create(
        NodeSample(
            node=node,
            at=since + MINUTE * number,
            cpu_percent=max(20.0, (node.cpu_percent or 500) * random.uniform(0.85, 1.1)),
            memory_bytes=round(
                memory
                * ((0.35 + 0.65 * (number / total) ** 1.6) if grows else random.uniform(0.94, 1))
            ),
            running=max(0, node.running + random.randrange(-2, 2)),
            processed=max(0, node.processed - (total - number) * _PER_MINUTE),
            failed=max(0, round(node.failed - (total - number) * _PER_MINUTE * failed)),
        )
        for number in range(total + 1)
    )


def _inputs(before: int, after: int, rule: str) -> dict[str, Any]:
    """What the autoscaler measured and predicted: fewer workers would have missed the objective."""
    waits = [(each, 64.1 * ((after - 1) / each) ** 5) for each in range(4, 13)]
    return {
        "demand": {
            "waiting": 412, "oldest": 41.0, "per_second": 40.6, "run_times": {"mean": 1.9},
            "ages": [[1.2, 88], [27.5, 1]], "ready": before, "starting": [], "draining": 0,
            "startup": 30.4, "started": 146_212, "on_time": 145_480,
        },
        "settings": {
            "min_workers": 4, "max_workers": 12, "objective_seconds": 60.0, "rule": rule,
            "stabilisation_seconds": 60.0,
        },
        "outcome": {"table": waits},
    }  # fmt: skip


def _outcome(before: int, after: int) -> str:
    if after < before:
        return f"{workers(before - after)} stopped after 48.2 s; no task was interrupted."
    return "Nothing had to be done." if after == before else "1 worker was ready after 30.4 s."


def make_pool(now: datetime) -> None:
    """The pool, and its newest decisions."""
    pool = get_pool()
    pool.overrides = {"min_workers": 4, "max_workers": 12}
    pool.backend, pool.target, pool.ready = "docker", 8, 8
    pool.decided_at, pool.is_idle = now, False
    pool.save()
    for ago, before, after, rule, reason in _DECISIONS:
        ScalingEvent.objects.create(
            pool=pool,
            at=now - MINUTE * ago,
            trigger="strategy",
            backend="docker",
            strategy="predictive",
            rule=rule,
            from_workers=before,
            recommended_workers=after,
            to_workers=after,
            sentence=f"{change(before, after)} {reason}",
            inputs=_inputs(before, after, rule),
            state="SUCCEEDED",
            finished_at=now - MINUTE * ago + timedelta(seconds=31),
            outcome=_outcome(before, after),
        )
