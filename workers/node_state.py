"""The state that a worker's main process, its agent and its pool children share: a few words of
memory, mapped before the fork, so that they need no connection to exchange them."""

import mmap
import struct
from typing import Generic, TypeVar

T = TypeVar("T", int, float, bool)


class _Word(Generic[T]):
    """One word of the memory, as an attribute."""

    def __init__(self, kind: str, offset: int) -> None:
        self._struct, self._offset = struct.Struct(f"={kind}"), offset

    def __get__(self, state: "SharedNodeState", _: type) -> T:
        value: T = self._struct.unpack_from(state.memory, self._offset)[0]
        return value

    def __set__(self, state: "SharedNodeState", value: T) -> None:
        self._struct.pack_into(state.memory, self._offset, value)


class SharedNodeState:
    """Anonymous shared memory, inherited over fork. Single words, one writer each."""

    # The id of the node's live row; 0 until it is registered. Written by the agent.
    node_id = _Word[int]("q", 0)
    # The node takes nothing new. Written by the agent, from the node's row.
    is_draining = _Word[bool]("?", 8)
    # Main consumes wake-ups. Written by main.
    is_ready = _Word[bool]("?", 9)
    # Celery has ended: the agent shall settle what is left and end too. Written by main.
    has_exited = _Word[bool]("?", 10)
    # The node's row is ACTIVE, so that its claims find something. Written by the agent.
    is_active = _Word[bool]("?", 11)
    # Monotonic seconds when main last received the canary. Written by main.
    canary_received_at = _Word[float]("d", 24)
    # Monotonic seconds of the shutdown signal; 0 while running. Written by main.
    stopping_since = _Word[float]("d", 32)
    # With which main ends. Written by main, before `has_exited`.
    exit_status = _Word[int]("q", 64)
    _ended_processed = _Word[int]("q", 40)
    _ended_failed = _Word[int]("q", 48)
    _ended_stale = _Word[int]("q", 56)

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, mmap.PAGESIZE)

    @property
    def ended_child_counts(self) -> tuple[int, int, int]:
        """Processed, failed and stale of pool children that are gone; kept here, so that an agent
        that is started again still knows. Negative after the node was registered again, by what
        living children had counted for its earlier incarnation. Written by the agent."""
        return self._ended_processed, self._ended_failed, self._ended_stale

    @ended_child_counts.setter
    def ended_child_counts(self, value: tuple[int, int, int]) -> None:
        self._ended_processed, self._ended_failed, self._ended_stale = value

    @property
    def takes_work(self) -> bool:
        """Whether a child may claim rows now."""
        return self.node_id != 0 and not self.is_draining and self.stopping_since == 0
