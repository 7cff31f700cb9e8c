"""How a node reads after its worker has ended: in order, or not."""

import signal
from uuid import UUID

import pytest

from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.clients import key_client
from tests.engine import Component, Engine
from workers.models import Node


def start(engine: Engine) -> tuple[Component, Node]:
    """A worker of the same name and on the same host as all others."""
    worker = engine.worker(concurrency=1)
    return worker, Node.objects.get(pid=worker.process.pid)


def end_of(engine: Engine, node: Node) -> tuple[str, str]:
    def is_over() -> bool:
        node.refresh_from_db()
        return node.state in ("STOPPED", "LOST")

    engine.wait(is_over, f"the end of {node.name}")
    (seen,) = key_client("viewer").get("/system/nodes", {"name": node.name}).json()["data"]
    assert (seen["id"], seen["status"]) == (node.id, node.state)
    return seen["status"], seen["endReason"]


def run_long() -> UUID:
    return submit_task(spec=TaskSpec(type="test-long"))


@pytest.mark.nightly
@pytest.mark.ci
def test_a_node_says_how_it_ended_under_a_name_of_its_own(engine: Engine) -> None:
    engine.dispatcher()
    killed, killed_node = start(engine)
    gone, gone_node = start(engine)
    stopped, stopped_node = start(engine)
    assert len({killed_node.name, gone_node.name, stopped_node.name}) == 3
    assert killed_node.name == f"{killed_node.host}#{killed_node.id}"

    killed.kill()
    assert end_of(engine, killed_node) == (
        "LOST",
        f"The main process {killed_node.pid} was killed, or crashed.",
    )
    gone.signal_tree(signal.SIGKILL)  # as `docker kill`, or the loss of the host
    state, reason = end_of(engine, gone_node)
    assert (state, reason.split(":")[0]) == ("LOST", "No heartbeat for 2 s")

    agent = next(each for each in stopped.children() if each.pid != stopped.process.pid)
    agent.kill()
    stopped_node.refresh_from_db()
    before = stopped_node.heartbeat
    engine.wait(
        lambda: Node.objects.get(id=stopped_node.id).heartbeat > before,
        "a heartbeat of a new agent",
    )
    assert stopped.stop() == 0
    assert end_of(engine, stopped_node) == ("STOPPED", "It was stopped.")


@pytest.mark.nightly
@pytest.mark.ci
def test_draining_ends_in_order_and_a_kill_while_draining_does_not(engine: Engine) -> None:
    client = key_client("operator")
    engine.dispatcher()
    drained, drained_node = start(engine)
    client.post(f"/system/nodes/{drained_node.id}/drain")
    assert drained.process.wait(20) == 0
    assert end_of(engine, drained_node) == ("STOPPED", "It had drained.")

    killed, killed_node = start(engine)
    task = run_long()
    seen = engine.wait_for(task, state="RUNNING")
    assert client.get(f"/tasks/{seen.id}").json()["workerNode"] == killed_node.name
    client.post(f"/system/nodes/{killed_node.id}/drain")
    killed.kill()
    assert end_of(engine, killed_node)[0] == "LOST"


def test_a_worker_that_is_stopped_while_it_starts_was_not_killed(engine: Engine) -> None:
    worker = engine.worker(ready=False)
    node = engine.wait(Node.objects.first, "a node")
    assert worker.stop() == 0
    assert end_of(engine, node) == ("STOPPED", "It was stopped.")
