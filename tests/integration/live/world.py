"""Rows for every topic, and a history of them."""

import random
from collections.abc import Callable
from contextlib import suppress

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.live.topics import Topic
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.states import DEFAULT_WORKSPACE_ID
from dlq.filters import LetterFilter
from dlq.models import DeadLetter
from dlq.replay_driver import ReplayDriver
from dlq.replays import pause_replay, resume_replay, start_replay
from tasks_app.models import Task, TaskAttempt
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.factories import (
    make_attempt,
    make_firing,
    make_job,
    make_letter,
    make_log,
    make_node,
    make_operation,
    make_queue,
    make_run,
    make_scaling_event,
    make_task,
    make_workflow,
    set_pool,
)
from tests.manual_worker import claim_here, failure, finish_here, register_node
from tests.operations import drive
from tests.workflow_worker import join, make_outcome
from workers.models import Node
from workflows import runs

Move = Callable[[], object]
TOGETHER = 8


class World:
    """Rows of every kind, and moves that change them by chance: `moves` write rows as they are;
    `service_moves` are what people, the dispatcher and a worker do."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.task = make_task("RUNNING", name="<script>alert(1)</script>")
        self.run = make_run(make_workflow())
        self.job = make_job()
        self.operation = make_operation()
        self.replay = start_replay(
            workspace_id=DEFAULT_WORKSPACE_ID,
            letter_filter=LetterFilter(ids=tuple(make_letter().id for _ in range(3))),
            stages=(1,),
            actor=SYSTEM,
        )
        self.moves: list[Move] = [
            self.submit, self.end_task, self.fail, self.add_attempt, self.log, self.add_node,
            self.beat, self.add_queue, self.fire, self.scale, self.resolve, self.remove,
            self.operate,
        ]  # fmt: skip
        self.service_moves: list[Move] = [
            self.work, self.join, self.cancel_run, self.retry_run, self.drive_replay,
            self.pause_replay, self.lose_node,
        ]  # fmt: skip

    def key_of(self, topic: Topic) -> str:
        keys = {
            "task": self.task.id,
            "workflow-run": self.run.id,
            "operation": self.operation.id,
            "overview-charts": "1h",
            "replay": self.replay.id,
        }
        return f"{topic.name}:{keys[topic.name]}" if topic.has_key else topic.name

    def history(self) -> list[list[Move]]:
        """Each move once by itself, then several together, as between two reads."""
        moves = [*self.moves, *self.service_moves]
        self.chance.shuffle(moves)
        alone = [[move] for move in moves]
        sizes = [self.chance.randint(2, 5) for _ in range(TOGETHER)]
        return alone + [self.chance.choices(moves, k=size) for size in sizes]

    def submit(self) -> None:
        submit_task(spec=TaskSpec(type="noop", payload={}))

    def end_task(self) -> None:
        make_task(self.chance.choice(["COMPLETED", "FAILED", "CANCELLED", "RETRYING"]))

    def fail(self) -> None:
        make_letter()

    def add_attempt(self) -> None:
        number = TaskAttempt.objects.filter(task_id=self.task.id).count() + 1
        make_attempt(self.task, number)
        Task.objects.filter(id=self.task.id).update(max_attempts=number + 1, attempt=number)

    def log(self) -> None:
        make_log(self.task, self.chance.choice(["\x1b[31mred", "a/b~c", "\u202eabc", "x" * 3_000]))

    def add_node(self) -> None:
        make_node(f"node-{self.chance.randrange(1_000)}")

    def beat(self) -> None:
        slots = [{"slot": 7, "running": 1, "taskId": str(self.task.id), "startedAt": None}]
        Node.objects.update(heartbeat=self.chance.randrange(9), running=1, slots=slots)

    def add_queue(self) -> None:
        make_queue(self.chance.choice(["a/b", "~", "é", "default", "x"]))

    def fire(self) -> None:
        make_firing(self.job)

    def scale(self) -> None:
        make_scaling_event()
        set_pool(ready=self.chance.randrange(5))

    def operate(self) -> None:
        drive(self.operation)

    def resolve(self) -> None:
        DeadLetter.objects.filter(id__in=DeadLetter.objects.values("id")[:1]).delete()

    def remove(self) -> None:
        Node.objects.filter(id__in=Node.objects.values("id")[:1]).delete()

    def work(self) -> None:
        """A worker takes some tasks that are ready, and fails at some of them."""
        node = register_node(f"by-hand-{self.chance.randrange(1_000)}")
        taken = claim_here(node, want=self.chance.randint(1, 3))
        finish_here(
            node,
            [failure(row) if self.chance.random() < 0.2 else make_outcome(row) for row in taken],
        )

    def join(self) -> None:
        join(register_node("joins"))

    def cancel_run(self) -> None:
        with suppress(Conflict):
            runs.cancel_run(workspace_id=DEFAULT_WORKSPACE_ID, run_id=self.run.id, actor=SYSTEM)

    def retry_run(self) -> None:
        with suppress(Conflict):
            runs.retry_run(workspace_id=DEFAULT_WORKSPACE_ID, run_id=self.run.id, actor=SYSTEM)

    def drive_replay(self) -> None:
        ReplayDriver().drive()

    def pause_replay(self) -> None:
        """Pause it, or resume it."""
        self.replay.refresh_from_db()
        change = pause_replay if self.replay.paused_at is None else resume_replay
        with suppress(Conflict):
            change(workspace_id=DEFAULT_WORKSPACE_ID, replay_id=self.replay.id, actor=SYSTEM)

    def lose_node(self) -> None:
        make_node(f"lost-{self.chance.randrange(1_000)}", state="LOST", stopped_at=now())
