"""Slot files: the state of each pool child, in memory that outlives it.

A child maps one small file and notes every row it claimed, started and finished. Its node's agent
maps the same file: after a `kill -9` it still distinguishes handlers that had started (their
attempt is lost) from rows merely claimed (they go back uncharged), and through it the agent
interrupts a handler. Written by plain stores; only `start` and `take_back` race, so those two hold
a file lock.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path
from uuid import UUID

CAPACITY = 1024  # rows one child may hold at once

_HEADER = struct.Struct("=4sIIId")  # magic, pid, rows in use (high-water mark), warm, pid's birth
_ROW = struct.Struct("=16s16sBBHIdd")  # task, lease, status, flags, unused twice, started, deadline
_ROW_SIZE = _ROW.size
_TIMES = struct.Struct("=dd")  # started, deadline
_WARM = struct.Struct("=I")
_WARM_AT = 12
_STATUS = 32  # offset of the status byte in a row
_FLAGS = 33
_MAGIC = b"TPS1"
_ANNOUNCED = 32  # offset of the lease of the claim under way
_STALE, _PROCESSED, _FAILED = 24, 48, 56  # offsets of the counters
_START = 64  # where the rows begin
_SIZE = _START + CAPACITY * _ROW_SIZE


class RowStatus(IntEnum):
    """The progress of the child with a row."""

    EMPTY = 0
    CLAIMED = 1
    STARTED = 2
    DONE = 3  # the handler returned; its outcome may not be written yet
    TAKEN = 4  # the agent gave the row back: the child must not start it


# As plain numbers: these are read and written for every task, and an enum's member costs more than
# the store.
_EMPTY, _CLAIMED, _STARTED, _DONE, _TAKEN = (int(status) for status in RowStatus)


class InterruptFlag(IntFlag):
    """Why the agent interrupts a started row."""

    CANCEL = 1  # an operator's cancel: `is_cancelled()` is true
    INTERRUPT = 2  # raise into the handler now
    TIMEOUT = 4
    SHUTDOWN = 8
    LEASE_LOST = 16  # the row was rescued: its outcome is dropped
    MEMORY = 32
    KILLED = 64  # the agent is about to kill the process, for this row or a neighbour


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """Tasks that ended with an outcome of this child, how many of them failed for good, and the
    writes that were refused since the lease was no longer the row's."""

    processed: int = 0
    failed: int = 0
    stale: int = 0


@dataclass(frozen=True, slots=True)
class SlotRow:
    """One row as the agent reads it. `started` and `deadline` are CLOCK_MONOTONIC seconds."""

    index: int
    task_id: UUID
    lease: UUID
    status: RowStatus
    flags: InterruptFlag
    started: float
    deadline: float


class Slot:
    """A mapped slot file. The child that owns it calls `create`, the agent `open`."""

    def __init__(self, path: Path, file_descriptor: int) -> None:
        self.path = path
        self._fd = file_descriptor
        self._map = mmap.mmap(file_descriptor, _SIZE)
        # Kept for the child only: the agent reads the mark from the file.
        magic, self.pid, self._high_water, _, self.pid_born = _HEADER.unpack_from(self._map, 0)
        if magic != _MAGIC:
            self.close()
            raise ValueError(f"{path} is not a slot file")

    @classmethod
    def create(cls, directory: Path, *, pid: int, pid_born: float) -> "Slot":
        """Make the file of this process. Appears under its final name only when complete."""
        directory.mkdir(parents=True, exist_ok=True)
        draft = directory / f".{pid}"
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        # Not a sparse file: on a full disk a later store into it would end the process (SIGBUS).
        os.posix_fallocate(fd, 0, _SIZE)
        os.pwrite(fd, _HEADER.pack(_MAGIC, pid, 0, 0, pid_born), 0)
        path = directory / f"{pid}.slot"
        draft.rename(path)
        return cls(path, fd)

    @classmethod
    def open(cls, path: Path) -> "Slot":
        """Map an existing file; raises ValueError when it is none, OSError when it is gone."""
        fd = os.open(path, os.O_RDWR)
        if os.fstat(fd).st_size != _SIZE:
            os.close(fd)
            raise ValueError(f"{path} is not a slot file")
        return cls(path, fd)

    def close(self) -> None:
        self._map.close()
        os.close(self._fd)

    # The child's side.

    def mark_warm(self) -> None:
        """The child is prepared for its first task."""
        _WARM.pack_into(self._map, _WARM_AT, 1)

    def announce(self, lease: bytes) -> None:
        """Note the lease of a claim before it is made: a child that dies between the claim's
        commit and `claim` below leaves rows that no slot row names."""
        self._map[_ANNOUNCED : _ANNOUNCED + 16] = lease

    def claim(self, index: int, task_id: bytes, lease: bytes) -> None:
        _ROW.pack_into(
            self._map, _START + index * _ROW_SIZE, task_id, lease, _CLAIMED, 0, 0, 0, 0, 0
        )
        if index >= self._high_water:
            self._high_water = index + 1
            struct.pack_into("=I", self._map, 8, index + 1)

    def start(self, index: int, *, started: float, deadline: float) -> bool:
        """Note that the handler starts; False when the agent has taken the row back."""
        at = _START + index * _ROW_SIZE
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            if self._map[at + _STATUS] == _TAKEN:
                return False
            _TIMES.pack_into(self._map, at + 40, started, deadline)
            self._map[at + _STATUS] = _STARTED
            return True
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def done(self, index: int) -> None:
        self._map[_START + index * _ROW_SIZE + _STATUS] = _DONE

    def forget(self, index: int) -> None:
        """The row's outcome is committed, or it was given back."""
        self._map[_START + index * _ROW_SIZE + _STATUS] = _EMPTY

    def flags(self, index: int) -> InterruptFlag:
        return InterruptFlag(self._map[_START + index * _ROW_SIZE + _FLAGS])

    def has_flags(self, index: int) -> bool:
        """Whether any flag is set for this row; cheaper than `flags`."""
        return self._map[_START + index * _ROW_SIZE + _FLAGS] != 0

    def count(self, *, processed: int = 0, failed: int = 0, stale: int = 0) -> None:
        """Add to the counters, after the commit. What is committed and not counted when the
        process is killed between the two is missing for good: they are for watching only."""
        for offset, more in ((_PROCESSED, processed), (_FAILED, failed), (_STALE, stale)):
            if more:
                self._set_count(offset, self._get_count(offset) + more)

    # The agent's side.

    @property
    def is_warm(self) -> bool:
        return bool(_WARM.unpack_from(self._map, _WARM_AT)[0])

    @property
    def counts(self) -> SlotCounts:
        return SlotCounts(
            processed=self._get_count(_PROCESSED),
            failed=self._get_count(_FAILED),
            stale=self._get_count(_STALE),
        )

    @property
    def announced(self) -> UUID | None:
        """The lease of the newest claim, which may have been committed or not."""
        lease = bytes(self._map[_ANNOUNCED : _ANNOUNCED + 16])
        return UUID(bytes=lease) if any(lease) else None

    def rows(self) -> Iterator[SlotRow]:
        for index in range(min(self._used(), CAPACITY)):
            row = _ROW.unpack_from(self._map, _START + index * _ROW_SIZE)
            if row[2] != RowStatus.EMPTY:
                yield SlotRow(
                    index=index,
                    task_id=UUID(bytes=row[0]),
                    lease=UUID(bytes=row[1]),
                    status=RowStatus(row[2]),
                    flags=InterruptFlag(row[3]),
                    started=row[6],
                    deadline=row[7],
                )

    def set_flags(self, row: SlotRow, flags: InterruptFlag) -> None:
        """Add flags to `row`, if it is still the same claim."""
        at = _START + row.index * _ROW_SIZE
        if self._map[at : at + 32] == row.task_id.bytes + row.lease.bytes:
            self._map[at + _FLAGS] |= flags

    def take_back(self, row: SlotRow) -> bool:
        """Keep the child from starting a claimed row; False when it already did."""
        at = _START + row.index * _ROW_SIZE
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            same = self._map[at : at + 32] == row.task_id.bytes + row.lease.bytes
            if not same or self._map[at + _STATUS] != RowStatus.CLAIMED:
                return False
            self._map[at + _STATUS] = RowStatus.TAKEN
            return True
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    # Native size and order: such a word is copied whole, so no reader sees half of it.
    def _get_count(self, offset: int) -> int:
        return int(struct.unpack_from("@Q", self._map, offset)[0])

    def _set_count(self, offset: int, value: int) -> None:
        struct.pack_into("@Q", self._map, offset, value)

    def _used(self) -> int:
        return int(struct.unpack_from("=I", self._map, 8)[0])
