"""What a hub knows of one topic, and what it has for a viewer who is at an earlier state of it."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from controlplane.live import changes
from controlplane.live.changes import Change, Snapshot
from controlplane.live.coordination import Watched
from controlplane.live.messages import Kind, Publication, encode
from controlplane.live.topics import find_topic

# Changes that are kept for viewers who are behind; those further behind get the whole snapshot.
KEPT_CHANGES = 8
# A broadcaster that was replaced may still send: its epoch is the lower one. When only it is heard
# for so long, the clock of Redis was set back.
_EPOCH_SECONDS = 5.0

Position = tuple[int, int]  # epoch and seq


class Viewer(Protocol):
    """One who watches."""

    def notice(self, watched: Watched) -> None:
        """There is something new of the topic."""

    def tick(self, now: float) -> None:
        """Called once a second."""


@dataclass(slots=True)
class Feed:
    """One topic of a workspace in this process."""

    watched: Watched
    viewers: set[Viewer] = field(default_factory=set)
    epoch: int = 0
    seq: int = 0
    at: str | None = None
    heard_at: float = 0.0
    snapshot: Snapshot | None = None
    is_joined: bool = False
    is_gone: bool = False
    left_at: float | None = None
    _recent: deque[tuple[int, Change]] = field(default_factory=lambda: deque(maxlen=KEPT_CHANGES))
    # By the name that a viewer gave the topic, and the seq that it is at; 0: none.
    _texts: dict[tuple[str, int], str] = field(default_factory=dict)

    @property
    def position(self) -> Position:
        return self.epoch, self.seq

    def take(self, publication: Publication, heard_at: float) -> bool:
        """Follow the broadcaster. False: something was missed, the whole snapshot is needed."""
        if publication.epoch < self.epoch and heard_at - self.heard_at < _EPOCH_SECONDS:
            return True
        kind, seq = publication.kind, publication.seq
        is_ours = publication.epoch == self.epoch and self.snapshot is not None
        if kind is Kind.SNAPSHOT:
            if not (is_ours and seq == self.seq):
                self._begin_with(publication)
        elif kind is Kind.GONE:
            self._forget(publication)
        elif not is_ours:
            return False
        elif kind is Kind.CHANGE and seq == self.seq + 1:
            self._add(publication)
        elif seq > self.seq:
            return False
        elif seq < self.seq:
            return True  # it came late, and is part of what we have
        self.at, self.heard_at = publication.at, heard_at
        return True

    def message_after(self, position: Position | None, name: str) -> str | None:
        """What brings a viewer from there to the present state; None: there is nothing to send.
        `name` is what the viewer calls the topic: with a workspace or without one."""
        if self.snapshot is None or position == self.position:
            return None
        seq = position[1] if position is not None and position[0] == self.epoch else 0
        if self.seq - seq > len(self._recent):
            seq = 0
        text = self._texts.get((name, seq))
        if text is None:
            text = self._texts[name, seq] = self._text_after(seq, name)
        return text

    def _text_after(self, seq: int, name: str) -> str:
        missed = [change for number, change in self._recent if number > seq] if seq else []
        if not missed:
            every = find_topic(self.watched.topic).topic.every_seconds
            return self._encode(Kind.SNAPSHOT, name, self.snapshot, every=every)
        merged = missed[0]
        for change in missed[1:]:
            merged = changes.merge(merged, change)
        return self._encode(Kind.CHANGE, name, merged.to_json(), since=seq)

    def _encode(self, kind: Kind, name: str, data: Any, **fields: float) -> str:
        return encode(
            kind,
            topic=name,
            epoch=self.epoch,
            seq=self.seq,
            at=self.at,
            **fields,
            data=data,
        )

    def _begin_with(self, publication: Publication) -> None:
        self.snapshot = orjson.loads(publication.data)
        self.epoch, self.seq, self.is_gone = publication.epoch, publication.seq, False
        self._recent.clear()
        self._texts.clear()

    def _add(self, publication: Publication) -> None:
        change = Change(**orjson.loads(publication.data))
        self.snapshot = changes.apply(self.snapshot or {}, change)
        self.seq = publication.seq
        self._recent.append((self.seq, change))
        self._texts.clear()

    def _forget(self, publication: Publication) -> None:
        self.snapshot, self.is_gone = None, True
        self.epoch, self.seq = publication.epoch, publication.seq
        self._recent.clear()
        self._texts.clear()
