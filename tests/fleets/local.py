"""A fleet for tests of the loop: its workers are rows of nodes, which register, drain and end by
the same services as those of real workers; only processes are missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import uuid4

from controlplane.core.clock import now
from scaling.fleet import FleetError, Member, Phase
from workers.models import Node
from workers.services import activate_node, beat_node, register_node, stop_node
from workers.states import NodeState

_keys = count(1)


def add_node(host: str, *, concurrency: int = 1, queues: Sequence[str] = ("*",)) -> int:
    """A worker that takes work."""
    node = register_node(
        worker=host,
        host=host,
        pid=1,
        queues=list(queues),
        concurrency=concurrency,
        health_port=None,
        incarnation=uuid4(),
    )
    activate_node(node)
    return node


@dataclass
class LocalFleet:
    """The calls are recorded in lists, in the order in which it was asked."""

    name: str = "local"
    moves: bool = True
    usual_startup: float = 10.0
    names_late: bool = False  # `start` returns no keys
    problem: str = ""  # what it answers with
    members: dict[str, Member] = field(default_factory=dict)
    fenced: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    closed: bool = False

    def list_members(self) -> list[Member]:
        self._answer()
        return list(self.members.values())

    def start(self, number: int) -> list[str]:
        self._answer()
        keys = [f"local-{next(_keys)}" for _ in range(number)]
        for key in keys:
            self.members[key] = Member(key, Phase.STARTING, host=key, started_at=now())
        return [] if self.names_late else keys

    def fence(self, keys: Sequence[str]) -> None:
        self._answer()
        self.fenced += keys

    def stop(self, keys: Sequence[str]) -> None:
        self._answer()
        for key in keys:
            if key in self.members:
                self.stopped.append(key)
                self._set(key, Phase.STOPPING)

    def clear(self, keys: Sequence[str]) -> None:
        self._answer()
        for key in keys:
            self.members.pop(key, None)

    def close(self) -> None:
        self.closed = True

    # What happens in the place by itself.

    def come_up(self, *keys: str) -> None:
        """These (all that start, without any) register and take work."""
        for key in keys or list(self.members):
            if self.members[key].phase is Phase.STARTING:
                self._set(key, Phase.RUNNING)
                add_node(key)

    def beat(self) -> None:
        """All nodes send heartbeats."""
        for node in Node.objects.filter(host__in=list(self.members), stopped_at=None):
            beat_node(node.id)

    def end(self, key: str, detail: str = "") -> None:
        """Its process ends, as asked for or not."""
        for node in Node.objects.filter(host=key, stopped_at=None):
            stop_node(node.id)
        self.members[key] = replace(self.members[key], phase=Phase.ENDED, detail=detail)

    def crash(self, key: str, detail: str = "") -> None:
        """Its process is killed: nothing updates its node's row."""
        self.members[key] = replace(self.members[key], phase=Phase.ENDED, detail=detail)

    def end_the_stopped(self) -> None:
        """Those that were asked to end have ended."""
        for key, member in list(self.members.items()):
            if member.phase is Phase.STOPPING:
                self.end(key)

    def node(self, key: str) -> Node:
        """The newest node of a member."""
        found = Node.objects.filter(host=key).order_by("-id").first()
        assert found is not None
        return found

    def draining(self) -> list[str]:
        """Members whose node drains."""
        nodes = Node.objects.filter(state=NodeState.DRAINING)
        return sorted(nodes.values_list("host", flat=True))

    def _set(self, key: str, phase: Phase) -> None:
        self.members[key] = replace(self.members[key], phase=phase)

    def _answer(self) -> None:
        if self.problem:
            raise FleetError(self.problem)
