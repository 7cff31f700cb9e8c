"""The agent: a small process beside each worker's main process that keeps its node's row.

It is forked before Celery starts, so that the main process, which forks the pool, never holds a
database connection or a thread. It registers the node, beats, watches the slots of the pool
children, and settles what a dead child or a dead main process left behind.
"""

import logging
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from uuid import uuid4

import psutil
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections

from workers import services
from workers.canary import Canary
from workers.health import HealthServer
from workers.nodepage import NodePage
from workers.runtime import Runtime, born
from workers.signals import agent_pass, slot_lost
from workers.slots import Slot
from workers.states import NodeState

logger = logging.getLogger(__name__)

PASS_SECONDS = 0.25
_CANARY_DEADLINE_SECONDS = 60.0


@dataclass
class Agent:
    """The agent of one worker. `main_pid` is the process it watches, its parent."""

    runtime: Runtime
    main_pid: int
    queues: list[str]
    concurrency: int
    name: str
    _slots: dict[str, Slot] = field(default_factory=dict)
    _next_beat: float = 0.0
    _is_active: bool = False
    _health: HealthServer | None = None

    @property
    def page(self) -> NodePage:
        return self.runtime.page

    def run(self) -> None:
        """Work until main is gone and everything it held is settled."""
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(ignored, signal.SIG_IGN)  # main decides; the agent follows it
        self._health = HealthServer.start(self.page, name=self.name)
        canary = Canary(self.page, self.runtime.name)
        while True:
            is_orphan = self.page.is_gone or os.getppid() != self.main_pid
            try:
                self._pass(is_orphan)
                if is_orphan and not self._slots:
                    if self.page.node_id:
                        services.stop_node(self.page.node_id)
                    break
            except (DatabaseError, OSError) as error:
                logger.warning("The agent's pass failed, and is repeated: %s", error)
                connections.close_all()
                time.sleep(1)
            if not is_orphan:
                canary.keep_singing()
                self._mind_canary(canary)
            time.sleep(PASS_SECONDS)
        self._health.stop()

    def _pass(self, is_orphan: bool) -> None:
        if not is_orphan:
            self._beat()
        self._find_slots()
        self._settle_dead_slots()
        agent_pass.send(sender=Agent, runtime=self.runtime, slots=list(self._slots.values()))

    def _beat(self) -> None:
        now = time.monotonic()
        if self.page.node_id == 0:
            self._register()
        if self.page.is_ready and not self._is_active:
            # Nothing to do where an earlier agent of this worker did it.
            services.activate_node(self.page.node_id)
            self._is_active = True
        if now < self._next_beat:
            return
        self._next_beat = now + settings.TASKPLANE["HEARTBEAT_INTERVAL_MS"] / 1000
        state = services.beat_node(self.page.node_id)
        if state is None:
            logger.warning("Node %s was declared lost; it starts anew", self.page.node_id)
            self._register()
        self.page.is_draining = state == NodeState.DRAINING

    def _register(self) -> None:
        self._is_active = False
        self.page.node_id = services.register_node(
            name=self.name,
            host=socket.gethostname(),
            pid=self.main_pid,
            queues=self.queues,
            concurrency=self.concurrency,
            health_port=self._health.port if self._health else None,
            incarnation=uuid4(),
        )

    def _find_slots(self) -> None:
        for path in self.runtime.directory.glob("*.slot"):
            if path.name not in self._slots:
                self._slots[path.name] = Slot.open(path)

    def _settle_dead_slots(self) -> None:
        for name, slot in list(self._slots.items()):
            if _lives(slot):
                continue
            slot_lost.send(sender=Agent, node_id=self.page.node_id, slot=slot)
            slot.path.unlink(missing_ok=True)
            slot.close()
            del self._slots[name]

    def _mind_canary(self, canary: Canary) -> None:
        """A main process that no longer gets its own bell consumes nothing: end it, so that the
        process manager starts a fresh one."""
        silent = canary.silent_seconds()
        if silent > _CANARY_DEADLINE_SECONDS and not self.page.stopping_since:
            logger.error("The worker got none of its own bells for %.0f s: ending it", silent)
            os.kill(self.main_pid, signal.SIGKILL)


def _lives(slot: Slot) -> bool:
    try:
        process = psutil.Process(slot.pid)
        return born(process) == slot.pid_born and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
