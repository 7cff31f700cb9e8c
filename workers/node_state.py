"""The state that a worker's main process, its agent and its pool children share: a few words of
memory, mapped before the fork, so that they need no connection to exchange them."""

import mmap
import struct

_NODE_ID = 0
_DRAINING = 8
_READY = 9
_EXITED = 10
_CANARY_RECEIVED_AT = 24
_STOPPING_SINCE = 32
_ENDED_PROCESSED = 40
_ENDED_FAILED = 48
_ENDED_STALE = 56
_EXIT_STATUS = 64


class SharedNodeState:
    """Anonymous shared memory, inherited over fork. Single words, one writer each."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, mmap.PAGESIZE)

    def _get(self, kind: str, offset: int) -> float:
        return struct.unpack_from(f"={kind}", self._map, offset)[0]  # type: ignore[no-any-return]

    def _set(self, kind: str, offset: int, value: float) -> None:
        struct.pack_into(f"={kind}", self._map, offset, value)

    @property
    def node_id(self) -> int:
        """The id of the node's live row; 0 until it is registered. Written by the agent."""
        return int(self._get("q", _NODE_ID))

    @node_id.setter
    def node_id(self, value: int) -> None:
        self._set("q", _NODE_ID, value)

    @property
    def stopping_since(self) -> float:
        """Monotonic seconds of the shutdown signal; 0 while running. Written by main."""
        return self._get("d", _STOPPING_SINCE)

    @stopping_since.setter
    def stopping_since(self, value: float) -> None:
        self._set("d", _STOPPING_SINCE, value)

    @property
    def is_ready(self) -> bool:
        """Main consumes wake-ups. Written by main."""
        return bool(self._map[_READY])

    @is_ready.setter
    def is_ready(self, value: bool) -> None:
        self._map[_READY] = int(value)

    @property
    def has_exited(self) -> bool:
        """Celery has ended: the agent shall settle what is left and end too. Written by main."""
        return bool(self._map[_EXITED])

    @has_exited.setter
    def has_exited(self, value: bool) -> None:
        self._map[_EXITED] = int(value)

    @property
    def exit_status(self) -> int:
        """With which main ends. Written by main, before `is_gone`."""
        return int(self._get("q", _EXIT_STATUS))

    @exit_status.setter
    def exit_status(self, value: int) -> None:
        self._set("q", _EXIT_STATUS, value)

    @property
    def is_draining(self) -> bool:
        """The node takes nothing new. Written by the agent, from the node's row."""
        return bool(self._map[_DRAINING])

    @is_draining.setter
    def is_draining(self, value: bool) -> None:
        self._map[_DRAINING] = int(value)

    @property
    def canary_received_at(self) -> float:
        """Monotonic seconds when main last received the canary. Written by main."""
        return self._get("d", _CANARY_RECEIVED_AT)

    @canary_received_at.setter
    def canary_received_at(self, value: float) -> None:
        self._set("d", _CANARY_RECEIVED_AT, value)

    @property
    def ended_child_counts(self) -> tuple[int, int, int]:
        """Processed, failed and stale of pool children that are gone; kept here, so that an agent
        that is started again still knows. Negative after the node was registered again, by what
        living children had counted for its earlier incarnation. Written by the agent."""
        return (
            int(self._get("q", _ENDED_PROCESSED)),
            int(self._get("q", _ENDED_FAILED)),
            int(self._get("q", _ENDED_STALE)),
        )

    @ended_child_counts.setter
    def ended_child_counts(self, value: tuple[int, int, int]) -> None:
        for offset, count in zip(
            (_ENDED_PROCESSED, _ENDED_FAILED, _ENDED_STALE), value, strict=True
        ):
            self._set("q", offset, count)

    @property
    def takes_work(self) -> bool:
        """Whether a child may claim rows now."""
        return self.node_id != 0 and not self.is_draining and self.stopping_since == 0
