"""Queues, tasks in every state, their attempts, and the dead letters of those that failed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, cycle
from random import Random
from typing import Any
from uuid import UUID, uuid4

from controlplane.core.clock import utc_z
from controlplane.core.ids import first_id_of
from controlplane.workspaces.models import Workspace
from dlq.models import DeadLetter
from dlq.recording import record_deaths
from scripts.demo import fleet
from scripts.demo.story import (
    DAY,
    DESCRIBED,
    DISCARDED,
    DISCARDED_BECAUSE,
    HOUR,
    INCIDENT,
    LOSS,
    LOST_TASKS,
    MINUTE,
    PAUSED_BECAUSE,
    RELEASE,
    Lane,
    World,
)
from tasks_app.models import Queue, QueueDescriptor, Task, TaskAttempt, TaskLog
from workers.models import Node

# The first log line of an attempt.
_BEGINS = {
    "charge-card": "POST https://eu-1.gateway.example/v2/charges timeout=30",
    "http-webhook": "POST https://hooks.kestrel.example/orders timeout=30",
    "send-email": "SMTP mail.example:587",
    "render-report": "Rendering 12 pages",
}
Death = tuple[datetime, Lane]
_FIRST = 6  # nodes that began with the release
_COMPLETED = 240  # newest ones of a queue; older ones have been removed
_LOGGED = 60  # newest failed tasks of a workspace that have log lines
_LIBRARY = "/usr/lib/python3.11/site-packages"
_TRACEBACK = (
    "Traceback (most recent call last):\n"
    f'  File "{_LIBRARY}/tasks_app/execution/handlers.py", line 88, in run\n'
    "    result = handler(context, payload)\n"
    '  File "/srv/app/shop/{module}.py", line 41, in handle\n'
    "    receipt = client.send(payload, timeout=30)\n"
    '  File "/srv/app/shop/clients.py", line 112, in send\n'
    "    answer = self.session.post(self.url, json=body, timeout=timeout)\n"
    f'  File "{_LIBRARY}/requests/sessions.py", line 637, in post\n'
    '    return self.request("POST", url, data=data, json=json, **kwargs)\n'
    '  File "/srv/app/shop/clients.py", line 118, in send\n'
    "    raise {name}(str(error)) from error\n"
    "shop.errors.{name}: {message}\n"
)


class Tasks:
    """Makes the rows of one workspace, in order of time."""

    def __init__(self, world: World, workspace: Workspace, now: datetime, random: Random) -> None:
        self.world, self.workspace, self.now, self.random = world, workspace, now, random
        self.queues = {lane.queue: self._queue(lane) for lane in world.lanes}
        self._numbers = count(1)
        self._order = cycle(range(4_096))
        self._tasks: list[Task] = []
        self._attempts: list[TaskAttempt] = []
        self._slots: dict[int, list[dict[str, Any]]] = {}
        self._nodes: dict[bool, list[int]] = {}  # those since the release, and those before it

    def make(self, nodes: dict[int, int], deaths: list[Death]) -> None:
        """All of them. `nodes`: how many slots of each are still free for what runs."""
        old = Node.objects.filter(state="STOPPED").order_by("id").values_list("id", flat=True)
        self._nodes = {True: list(nodes)[:_FIRST], False: list(old)}
        failed = [self._failed(at, lane) for at, lane in sorted(deaths, key=lambda each: each[0])]
        for lane in self.world.lanes:
            self._completed(lane, nodes)
            self._waiting(lane)
            self._running(lane, nodes)
            self._retrying(lane)
        self._later()
        if self.world.has_incident:
            self._lost()
        Task.objects.bulk_create(self._tasks, batch_size=500)
        TaskAttempt.objects.bulk_create(self._attempts, batch_size=1_000)
        TaskLog.objects.bulk_create(list(self._lines(failed)), batch_size=500)
        for node, slots in self._slots.items():
            fleet.add_slots(node, slots)
        record_deaths(failed, using="default")
        self._resolve()

    def _queue(self, lane: Lane) -> Queue:
        is_paused = lane.queue == "media"
        fields: dict[str, Any] = {"pause_reason": PAUSED_BECAUSE} if is_paused else {}
        known = {field.name for field in Queue._meta.fields}
        queue = Queue.objects.create(
            workspace=self.workspace,
            name=lane.queue,
            max_running=lane.max_running,
            paused_at=self.now - 2 * HOUR if is_paused else None,
            paused_by="jonas.weber" if is_paused else "",
            created_at=self.now - 30 * DAY,
            **{name: value for name, value in fields.items() if name in known},
        )
        if described := DESCRIBED.get(lane.queue):
            QueueDescriptor.objects.create(queue=queue, **described)
        return queue

    def _add(self, lane: Lane, state: str, created: datetime, **fields: Any) -> Task:
        number = next(self._numbers)
        task = Task(
            id=UUID(
                int=first_id_of(created).int | self.random.getrandbits(74) | 0x7 << 76 | 2 << 62
            ),
            workspace=self.workspace,
            queue=self.queues[lane.queue],
            type=lane.type,
            name=lane.name.format(number % 1_000),
            state=state,
            payload={
                "order": 48_000 + number % 1_000,  # as its name says
                "merchant": f"m-{number % 97:02d}",
                "amount": "19.90",
            },
            tags=[f"region:{'eu' if number % 3 else 'uk'}"],
            submitted_by=lane.submitter,
            max_attempts=(allowed := fields.pop("max_attempts", 3)),
            round_attempts=allowed,
            timeout_ms=60_000,
            created_at=created,
            **fields,
        )
        self._tasks.append(task)
        return task

    def _id_of(self, created: datetime) -> UUID:
        """An id of that time: version 7, variant 2."""
        low = self.random.getrandbits(62)
        return UUID(
            int=first_id_of(created).int | 0x7 << 76 | next(self._order) << 64 | 2 << 62 | low
        )

    def _attempt(self, task: Task, number: int, outcome: str, ended: datetime, ran: timedelta,
                 node: int, error: dict[str, Any] | None = None,
                 waited: timedelta | None = None) -> None:  # fmt: skip
        self._attempts.append(
            TaskAttempt(
                task=task,
                attempt=number,
                workspace_id=self.workspace.id,
                queue_id=task.queue_id,
                type=task.type,
                node_id=node,
                outcome=outcome,
                error=error,
                wait_ms=round(waited / timedelta(milliseconds=1))
                if waited
                else self.random.randrange(20, 900),
                started_at=ended - ran,
                finished_at=ended,
            )
        )

    def _failed(self, at: datetime, lane: Lane) -> UUID:
        name, message, category = lane.error
        text = _TRACEBACK.format(module=lane.type.replace("-", "_"), name=name, message=message)
        error = {"class": name, "message": message, "traceback": text, "category": category}
        ran = timedelta(seconds=30 if lane.type == "charge-card" else lane.run_ms / 1e3)
        waited = timedelta(seconds=12)
        node = self.random.choice(self._nodes[at > self.now - RELEASE + 3 * ran + 2 * waited])
        task = self._add(
            lane, "FAILED", at - 3 * ran - 2 * waited, attempt=2, max_attempts=2, error=error,
            started_at=at - ran, finished_at=at,
        )  # fmt: skip
        begun = at - 2 * ran - waited
        waited = begun - ran - task.created_at
        self._attempt(task, 1, "FAILED", begun, ran, node, error, waited=waited)
        self._attempt(task, 2, "FAILED", at, ran, node, error)
        return task.id

    def _lines(self, failed: list[UUID]) -> Iterator[TaskLog]:
        """What the newest of the failed tasks logged, attempt by attempt."""
        newest = set(failed[-_LOGGED:])
        for attempt in self._attempts:
            if attempt.task_id not in newest or attempt.error is None:
                continue
            begins = _BEGINS.get(attempt.task.type, "Work of")
            body = {"task": attempt.task, "attempt": attempt.attempt}
            yield TaskLog(
                **body, at=attempt.started_at + timedelta(milliseconds=18), level="info",
                message=f"{begins} order={attempt.task.payload['order']}",
            )  # fmt: skip
            text = f"{attempt.error['class']}: {attempt.error['message']}"
            yield TaskLog(**body, at=attempt.finished_at, level="error", message=text)

    def _completed(self, lane: Lane, nodes: dict[int, int]) -> None:
        if not lane.per_minute:
            return
        ids = list(nodes)
        for number in range(_COMPLETED):
            ended = self.now - MINUTE * (number + 1) / lane.per_minute
            ran = timedelta(milliseconds=lane.run_ms * self.random.lognormvariate(0, 0.4))
            created = ended - ran - timedelta(seconds=1)
            task = self._add(
                lane, "COMPLETED", created, attempt=1, started_at=ended - ran, finished_at=ended,
                progress=100, result={"ok": True},
            )  # fmt: skip
            self._attempt(task, 1, "SUCCEEDED", ended, ran, ids[number % len(ids)])

    def _waiting(self, lane: Lane) -> None:
        for number in range(lane.waiting):
            self._add(lane, "PENDING", self.now - lane.oldest * (1 - number / max(1, lane.waiting)))

    def _running(self, lane: Lane, nodes: dict[int, int]) -> None:
        longest = 30 if lane.type == "charge-card" else max(1.0, lane.run_ms / 1e3)
        for number in range(lane.running):
            node = next(each for each, free in nodes.items() if free)
            nodes[node] -= 1
            began = self.now - timedelta(seconds=longest * (number + 1) / (lane.running + 1))
            task = self._add(
                lane, "RUNNING", began - timedelta(seconds=2), attempt=1, started_at=began,
                lease=uuid4(), node_id=node, progress=round(100 * number / lane.running, 1),
            )  # fmt: skip
            self._slots.setdefault(node, []).append(
                {"running": 1, "taskId": str(task.id), "startedAt": utc_z(began)}
            )

    def _retrying(self, lane: Lane) -> None:
        name, message, category = lane.error
        for number in range(lane.retrying):
            ended = self.now - timedelta(seconds=number)
            ran = timedelta(seconds=min(30.0, lane.run_ms / 1e3))
            error = {"class": name, "message": message, "traceback": "", "category": category}
            task = self._add(
                lane, "RETRYING", ended - MINUTE, attempt=1, started_at=ended - ran, error=error,
                run_at=self.now + timedelta(seconds=10 + number),
            )  # fmt: skip
            self._attempt(task, 1, "FAILED", ended, ran, 1, error)

    def _lost(self) -> None:
        """Tasks that the lost node took along, and others ran again."""
        node = Node.objects.filter(state="LOST").first()
        lane = next(each for each in self.world.lanes if each.queue == "email")
        error = {"class": "WorkerLost", "message": "the worker was lost", "category": "WORKER_LOST"}
        for number in range(LOST_TASKS):
            lost, ran = self.now - LOSS, timedelta(seconds=2)
            ended = lost + timedelta(seconds=20 + number)
            task = self._add(
                lane, "COMPLETED", lost - timedelta(seconds=5), attempt=2, max_attempts=4,
                lost_count=1, started_at=ended - ran, finished_at=ended, progress=100,
            )  # fmt: skip
            self._attempt(task, 1, "LOST", lost, ran, node.id if node else 1, error)
            self._attempt(task, 2, "SUCCEEDED", ended, ran, 1)

    def _later(self) -> None:
        lane = self.world.lanes[-2] if len(self.world.lanes) > 2 else self.world.lanes[0]
        for number in range(40):
            at = self.now + MINUTE * (number + 3)
            self._add(lane, "SCHEDULED", self.now - HOUR + MINUTE * number, run_at=at)

    def _resolve(self) -> None:
        """Somebody looked at some of the older letters: see plans.make_audit."""
        older = DeadLetter.objects.filter(workspace=self.workspace, died_at__lt=self.now - HOUR)
        for letter in older.order_by("-died_at")[: self.world.resolved]:
            letter.status = "DISCARDED"
            letter.discard_reason = DISCARDED_BECAUSE
            letter.resolved_by = "mira.okafor"
            letter.resolved_at = self.now - DISCARDED
            letter.save()


def list_deaths(world: World, now: datetime) -> Iterator[Death]:
    """When which task failed for good: those of the last hour, and those that were open before."""
    for lane in world.lanes:
        span = INCIDENT if lane.queue == "billing" else HOUR - MINUTE
        for number in range(lane.failures):
            yield now - span * ((number + 0.5) / lane.failures), lane
    failing = [lane for lane in world.lanes if lane.error[0]]
    for number in range(world.letters):
        yield (
            now - HOUR - (number + 1) * 6 * DAY / (world.letters + 1),
            failing[number % len(failing)],
        )
