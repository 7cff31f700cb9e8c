"""Workers and dispatchers under a process manager that restarts whatever ends."""

import random
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
from django.db import transaction

from tasks_app.models import Leader, Task
from tasks_app.queries import list_nodes_holding_tasks
from tests.engine import Component, Engine, suppress_gone
from workers.models import Node
from workers.states import LIVE, NodeState

_LIVE = [state.value for state in LIVE]


class ProcessManager:
    """`workers` workers with two slots each, and `dispatchers` dispatchers."""

    def __init__(self, engine: Engine, *, workers: int, dispatchers: int, seed: int) -> None:
        self.engine = engine
        self.random = random.Random(seed)
        self.workers = [engine.worker(ready=False) for _ in range(workers)]
        self.dispatchers = [engine.dispatcher() for _ in range(dispatchers)]
        self.restarts = 0

    def restart_ended(self) -> None:
        """What a process manager does all the time: start again what has ended."""
        for components, start in (
            (self.workers, lambda: self.engine.worker(ready=False)),
            (self.dispatchers, self.engine.dispatcher),
        ):
            for place, component in enumerate(components):
                if component.process.poll() is not None:
                    self.restarts += 1
                    components[place] = start()

    def wait(self, condition: Callable[[], object], what: str, timeout: float = 75.0) -> None:
        """Wait, and restart what ends."""

        def holds() -> object:
            self.restart_ended()
            return condition()

        self.engine.wait(holds, what, timeout)

    def wait_until_ready(self) -> None:
        wanted = len(self.workers)
        active = Node.objects.filter(state=NodeState.ACTIVE)
        self.wait(lambda: active.count() >= wanted, f"{wanted} active nodes", 30)

    def busy_worker(self) -> Component:
        """A worker that holds tasks now."""
        found: list[Component] = []

        def look() -> bool:
            pids = set(
                Node.objects.filter(
                    state=NodeState.ACTIVE, id__in=list_nodes_holding_tasks()
                ).values_list("pid", flat=True)
            )
            found[:] = [w for w in self.workers if w.process.pid in pids]
            return bool(found)

        self.wait(look, "a busy worker")
        return self.random.choice(found)

    # The faults.

    def kill_pool_child(self) -> None:
        self.random.choice(pool_children(self.busy_worker())).kill()

    def kill_worker(self) -> None:
        self.busy_worker().kill()

    def kill_agent(self) -> None:
        agent_of(self.busy_worker()).kill()

    def kill_leader(self) -> None:
        label = Leader.objects.get(name="dispatcher").holder_label
        leader = next(d for d in self.dispatchers if label.endswith(f":{d.process.pid}"))
        leader.kill()

    def freeze_worker_past_its_lease(self) -> None:
        worker, node = self._freeze_while_it_holds_work()
        try:
            self.wait(
                lambda: Node.objects.filter(id=node.id, state=NodeState.LOST).exists(),
                "the loss of the frozen node",
            )
        finally:
            worker.signal_tree(signal.SIGCONT)

    def _freeze_while_it_holds_work(self) -> tuple[Component, Node]:
        """SIGSTOP a whole worker whose handlers run. One that is frozen inside a transaction
        keeps its rows, as it should, and would have nothing refused: another try then."""
        for _ in range(100):
            worker = self.busy_worker()
            node = Node.objects.get(pid=worker.process.pid, state__in=_LIVE)
            worker.signal_tree(signal.SIGSTOP)
            with transaction.atomic():
                held = Task.objects.filter(node_id=node.id).select_for_update(skip_locked=True)
                if len(held):
                    return worker, node
            worker.signal_tree(signal.SIGCONT)
        raise AssertionError("No worker was caught at work")


def pool_children(worker: Component) -> list[psutil.Process]:
    """The slots: they have a slot file open."""
    return [child for child in worker.children() if _has_slot(child)]


def agent_of(worker: Component) -> psutil.Process:
    """The child that serves the node's health page."""
    (agent,) = [child for child in worker.tree.children() if _listens(child)]
    return agent


def _listens(process: psutil.Process) -> bool:
    with suppress_gone():
        return any(c.status == psutil.CONN_LISTEN for c in process.net_connections("tcp"))
    return False


def _has_slot(process: psutil.Process) -> bool:
    with suppress_gone():
        own = f"{process.pid}.slot"
        return any(Path(file.path).name == own for file in process.open_files())
    return False
