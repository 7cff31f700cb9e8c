"""The agent: a small process beside each worker's main process that keeps its node's row.

It is forked before Celery starts, so that the main process, which forks the pool, holds no
database connection and no thread when it forks. It registers the node, sends heartbeats, watches
the slots of the pool children, and settles the rows of a dead child or a dead main process.
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

from controlplane.core.schemaversion import SchemaWatch
from workers import services
from workers.canary import Canary
from workers.counters import WorkerStatus, keep_counts_of_ended, read_counters, restart_counts
from workers.health import HealthServer
from workers.measures import ProcessTreeMeter
from workers.node_state import SharedNodeState
from workers.runtime import Runtime, birth_time
from workers.signals import agent_pass, slot_lost
from workers.slots import Slot
from workers.states import NodeState

logger = logging.getLogger(__name__)

PASS_SECONDS = 0.25
_CANARY_DEADLINE_SECONDS = 60.0
# A drained worker ends after holding nothing for this long: a claim that was under way when the
# drain was committed is seen in a slot by then.
_DRAINED_SECONDS = 1.0


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
    _next_sample: float = 0.0
    _idle_since: float | None = None
    _is_active: bool = False
    _verdict: str = ""  # why this agent has killed its main process
    _health: HealthServer | None = None
    _status: WorkerStatus = field(default_factory=WorkerStatus)
    _schema: SchemaWatch = field(default_factory=lambda: SchemaWatch("worker"))

    @property
    def node_state(self) -> SharedNodeState:
        return self.runtime.node_state

    def run(self) -> None:
        """Work until main is gone and all its rows are settled."""
        self._health = HealthServer.start(
            self.node_state, name=self.name, concurrency=self.concurrency, status=self._status
        )
        meter = ProcessTreeMeter(self.main_pid)
        self._next_sample = time.monotonic() + _sample_seconds()
        canary = Canary(self.node_state, self.runtime.name)
        while True:
            is_orphan = self.node_state.has_exited or os.getppid() != self.main_pid
            try:
                self._pass(is_orphan)
                if is_orphan and not self._slots:
                    if self.node_state.node_id:
                        self._end_node()
                    break
            except (DatabaseError, OSError) as error:
                logger.warning("Agent pass failed: error=%s", error)
                connections.close_all()
                time.sleep(1)
            if not is_orphan:
                self._sample(meter)
                canary.send_if_due()
                self._check_canary(canary)
                self._end_when_drained()
            time.sleep(PASS_SECONDS)
        self._health.stop()

    def _end_node(self) -> None:
        node_state, counters = self.node_state, self._status.counters
        if not node_state.has_exited:
            reason = self._verdict or f"The main process {self.main_pid} was killed, or crashed."
            services.lose_worker(node_state.node_id, counters, reason=reason)
            return
        if node_state.exit_status:
            reason = f"The main process ended with exit code {node_state.exit_status}; see its log."
        else:
            reason = "It had drained." if node_state.is_draining else "It was stopped."
        services.stop_node(node_state.node_id, counters, reason=reason)

    def _pass(self, is_orphan: bool) -> None:
        if not self.node_state.node_id and not self._schema.is_ready():
            return
        self._find_slots()
        self._status.counters = read_counters(self.node_state, list(self._slots.values()))
        if not is_orphan:
            self._beat()
        self._settle_dead_slots()
        self._status.counters = read_counters(self.node_state, list(self._slots.values()))
        agent_pass.send(sender=Agent, runtime=self.runtime, slots=list(self._slots.values()))

    def _beat(self) -> None:
        now = time.monotonic()
        if self.node_state.node_id == 0:
            self._register()
        if self.node_state.is_ready and not self._is_active and self._is_warm():
            # Nothing to do where an earlier agent of this worker did it.
            services.activate_node(self.node_state.node_id)
            self._is_active = self.node_state.is_active = True
        if now < self._next_beat:
            return
        self._next_beat = now + settings.TASKPLANE["HEARTBEAT_INTERVAL_MS"] / 1000
        state = services.beat_node(self.node_state.node_id, self._status.counters)
        if state is None:
            logger.warning(
                "Node declared lost, registered again: old_node=%s", self.node_state.node_id
            )
            self._register()
            self._next_beat = now  # which also carries over a drain
            return
        self.node_state.is_draining = state == NodeState.DRAINING

    def _register(self) -> None:
        self._is_active = self.node_state.is_active = False
        before = self.node_state.node_id
        node_id = services.register_node(
            worker=self.name,
            host=socket.gethostname(),
            pid=self.main_pid,
            queues=self.queues,
            concurrency=self.concurrency,
            health_port=self._health.port if self._health else None,
            incarnation=uuid4(),
            replaces=before or None,
        )
        if before:
            restart_counts(self.node_state, list(self._slots.values()))
        self.node_state.node_id = node_id

    def _is_warm(self) -> bool:
        """Whether all pool children are prepared: a new worker gets no task that would wait for
        one that is not."""
        return sum(slot.is_warm for slot in self._slots.values()) >= self.concurrency

    def _find_slots(self) -> None:
        for path in self.runtime.directory.glob("*.slot"):
            if path.name not in self._slots:
                self._slots[path.name] = Slot.open(path)

    def _settle_dead_slots(self) -> None:
        for name, slot in list(self._slots.items()):
            if _is_alive(slot):
                continue
            slot_lost.send(sender=Agent, node_id=self.node_state.node_id, slot=slot)
            keep_counts_of_ended(self.node_state, slot)
            slot.path.unlink(missing_ok=True)
            slot.close()
            del self._slots[name]

    def _sample(self, meter: ProcessTreeMeter) -> None:
        """Measure and store a due sample. Without the database, only this sample is lost."""
        now = time.monotonic()
        if now < self._next_sample or not self.node_state.node_id:
            return
        self._next_sample = now + _sample_seconds()
        usage = self._status.usage = meter.measure()
        try:
            services.record_sample(self.node_state.node_id, self._status.counters, usage)
        except DatabaseError as error:
            logger.warning("Node sample not written: error=%s", error)
            connections.close_all()

    def _end_when_drained(self) -> None:
        """Stop main once a draining node holds nothing, if WORKER_EXIT_WHEN_DRAINED is set."""
        if not settings.TASKPLANE["WORKER_EXIT_WHEN_DRAINED"]:
            return
        now = time.monotonic()
        if not self.node_state.is_draining or self._status.counters.held:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since >= _DRAINED_SECONDS and not self.node_state.stopping_since:
            logger.info("Node drained: node=%s", self.node_state.node_id)
            self._idle_since = now  # again a second later, if main was not ready for the signal
            os.kill(self.main_pid, signal.SIGTERM)

    def _check_canary(self, canary: Canary) -> None:
        """Kill a main process that no longer receives its own canary, since it consumes nothing;
        the process manager starts a new one."""
        unanswered_seconds = canary.seconds_without_answer()
        if unanswered_seconds > _CANARY_DEADLINE_SECONDS and not self.node_state.stopping_since:
            logger.error("Worker killed: canary_unanswered_seconds=%.0f", unanswered_seconds)
            self._verdict = (
                f"It received none of its own wake-ups for {unanswered_seconds:.0f} s, so its "
                "agent killed it."
            )
            os.kill(self.main_pid, signal.SIGKILL)


def _sample_seconds() -> float:
    return float(settings.TASKPLANE["METRICS_COLLECTION_INTERVAL_MS"]) / 1000


def _is_alive(slot: Slot) -> bool:
    try:
        process = psutil.Process(slot.pid)
        return birth_time(process) == slot.pid_born and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
