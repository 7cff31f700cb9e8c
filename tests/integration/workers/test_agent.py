"""What an agent does about its node's row and its main process, without a worker around it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from pytest_django import Settings

from controlplane.core.clock import now
from tasks_app.services import supervision
from tests.factories import make_node
from workers import agent as agents
from workers import services, transitions
from workers.agent import Agent
from workers.counters import Counters
from workers.measures import ProcessTreeMeter
from workers.models import Node
from workers.node_state import SharedNodeState
from workers.runtime import Runtime, birth_time
from workers.slots import Slot

pytestmark = pytest.mark.django_db


@pytest.fixture
def main() -> Iterator[subprocess.Popen[bytes]]:
    """A process in the place of a worker's main one."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def agent(main: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    # One agent is one process elsewhere; here the next one must not take over its memory.
    monkeypatch.setattr(supervision, "_supervisor", supervision._Supervisor())
    runtime = Runtime(name="w", node_state=SharedNodeState(), directory=tmp_path)
    return Agent(runtime=runtime, main_pid=main.pid, queues=["*"], concurrency=1, name="w")


def own_slot(agent: Agent) -> Slot:
    process = psutil.Process()
    return Slot.create(agent.runtime.directory, pid=process.pid, pid_born=birth_time(process))


def test_a_node_that_comes_back_is_another_and_drains_if_it_was_to(agent: Agent) -> None:
    slot = own_slot(agent)
    agent._pass(is_orphan=False)
    before = Node.objects.get()
    slot.count(processed=5, failed=2)
    agent._pass(is_orphan=False)
    assert agent._status.counters.processed == 5
    assert transitions.begin_drain(before.id)
    before.refresh_from_db()
    assert transitions.lose(before.id, heartbeat=before.heartbeat)

    agent._next_beat = 0
    agent._pass(is_orphan=False)
    agent._pass(is_orphan=False)
    after = Node.objects.exclude(id=before.id).get()
    assert (after.replaces, after.state) == (before.id, "DRAINING")
    assert after.incarnation != before.incarnation
    assert agent.node_state.is_draining
    slot.count(processed=1)
    agent._pass(is_orphan=False)
    assert (agent._status.counters.processed, agent._status.counters.failed) == (1, 0)


def test_a_node_that_comes_back_works_if_it_was_to(agent: Agent) -> None:
    agent.node_state.is_ready = True
    own_slot(agent).mark_warm()
    agent._pass(is_orphan=False)
    before = Node.objects.get()
    assert transitions.lose(before.id, heartbeat=before.heartbeat)
    agent._next_beat = 0
    agent._pass(is_orphan=False)
    agent._pass(is_orphan=False)
    after = Node.objects.exclude(id=before.id).get()
    assert (after.replaces, after.state) == (before.id, "ACTIVE")
    assert agent.node_state.takes_work


def test_a_draining_worker_ends_when_it_holds_nothing(
    agent: Agent, main: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "_DRAINED_SECONDS", 0.0)
    slot = own_slot(agent)
    slot.claim(0, uuid4().bytes, uuid4().bytes)
    agent._pass(is_orphan=False)
    agent.node_state.is_draining = True
    agent._end_when_drained()
    agent._end_when_drained()
    assert main.poll() is None
    slot.forget(0)
    agent._pass(is_orphan=False)
    agent.node_state.is_draining = False
    agent._end_when_drained()
    agent._end_when_drained()
    assert main.poll() is None
    agent.node_state.is_draining = True
    agent._end_when_drained()
    agent._end_when_drained()
    assert main.wait(10) == -15


def test_a_draining_worker_stays_where_it_must_not_end_by_itself(
    agent: Agent,
    main: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    monkeypatch.setattr(agents, "_DRAINED_SECONDS", 0.0)
    settings.TASKPLANE = {**settings.TASKPLANE, "WORKER_EXIT_WHEN_DRAINED": False}
    agent._pass(is_orphan=False)
    agent.node_state.is_draining = True
    for _ in range(3):
        agent._end_when_drained()
    with pytest.raises(subprocess.TimeoutExpired):
        main.wait(0.5)
    assert not agent.node_state.takes_work
    settings.TASKPLANE = {**settings.TASKPLANE, "WORKER_EXIT_WHEN_DRAINED": True}
    for _ in range(2):
        agent._end_when_drained()
    assert main.wait(10) == -15


def test_the_figures_of_a_dead_child_stay(agent: Agent) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    slot = Slot.create(
        agent.runtime.directory, pid=child.pid, pid_born=birth_time(psutil.Process(child.pid))
    )
    slot.count(processed=7, failed=1, stale=2)
    agent._pass(is_orphan=False)
    child.kill()
    child.communicate()
    agent._pass(is_orphan=False)
    assert agent._slots == {}
    counters = agent._status.counters
    assert (counters.processed, counters.failed, counters.stale, counters.slots) == (7, 1, 2, [])


def test_a_sample_is_taken_when_it_is_time(agent: Agent) -> None:
    meter = ProcessTreeMeter(os.getpid())
    agent._sample(meter)
    assert agent._status.usage is None  # not registered: nobody to sample
    agent._pass(is_orphan=False)
    agent._sample(meter)
    agent._sample(meter)
    assert Node.objects.get().samples.count() == 1
    assert agent._next_sample > time.monotonic() + 1


def test_stopping_writes_the_last_figures() -> None:
    node = make_node(running=3, slots=[{}])
    services.stop_node(node.id, Counters(processed=9, failed=2))
    node.refresh_from_db()
    assert (node.state, node.running, node.slots) == ("STOPPED", 0, [])
    assert (node.processed, node.failed) == (9, 2)


def ended(agent: Agent) -> tuple[str, str]:
    agent._pass(is_orphan=True)
    agent._end_node()
    node = Node.objects.get()
    return node.state, node.end_reason


def test_a_node_whose_main_process_was_killed_is_lost(agent: Agent) -> None:
    agent._pass(is_orphan=False)
    state, reason = ended(agent)
    assert state == "LOST"
    assert reason == f"The main process {agent.main_pid} was killed, or crashed."


def test_a_node_that_was_draining_when_it_was_killed_is_lost(agent: Agent) -> None:
    agent._pass(is_orphan=False)
    assert transitions.begin_drain(Node.objects.get().id)
    agent._next_beat = 0
    agent._pass(is_orphan=False)
    assert agent.node_state.is_draining
    assert ended(agent)[0] == "LOST"


@pytest.mark.parametrize(
    ("status", "is_draining", "reason"),
    [
        (0, False, "It was stopped."),
        (0, True, "It had drained."),
        (3, False, "The main process ended with exit code 3; see its log."),
    ],
)
def test_a_node_that_ends_by_itself_is_stopped_and_says_why(
    agent: Agent, status: int, is_draining: bool, reason: str
) -> None:
    agent._pass(is_orphan=False)
    agent.node_state.is_draining = is_draining
    agent.node_state.exit_status, agent.node_state.has_exited = status, True
    assert ended(agent) == ("STOPPED", reason)


def test_nodes_of_workers_with_one_name_have_names_of_their_own(agent: Agent) -> None:
    agent._pass(is_orphan=False)
    agent.node_state.node_id = 0
    agent._pass(is_orphan=False)
    assert sorted(Node.objects.values_list("name", flat=True)) == sorted(
        f"w#{node.id}" for node in Node.objects.all()
    )
    assert Node.objects.values("name").distinct().count() == 2


def test_what_a_back_end_has_seen_is_more_exact_than_what_is_concluded() -> None:
    node, stopped = make_node(pid=2), make_node(pid=3)
    earlier = make_node(pid=2, started_at=now() - timedelta(hours=1))
    sentence = "It was killed by signal 9 (SIGKILL)."
    assert not services.note_end("elsewhere", 2, since=None, reason=sentence)
    assert services.note_end(node.host, 2, since=node.started_at, reason=sentence)
    earlier.refresh_from_db()
    assert earlier.end_reason == ""
    assert transitions.lose(node.id, heartbeat=node.heartbeat, reason="No heartbeat.")
    services.stop_node(stopped.id, reason="It was stopped.")
    assert not services.note_end(stopped.host, 3, since=None, reason="It ended with exit code 1.")
    node.refresh_from_db()
    stopped.refresh_from_db()
    assert node.end_reason == "It was killed by signal 9 (SIGKILL)."
    assert stopped.end_reason == "It was stopped."
