"""The messages: what clients send and get, and what the broadcaster sends the hubs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from controlplane.core.errors import Invalid
from controlplane.core.strictjson import MalformedJsonError, parse_json
from controlplane.live.coordination import Watched

VERSION = 1
MAX_MESSAGE_BYTES = 65_536
# A page of fifty queues of as many workspaces, with what its frame shows.
MAX_TOPICS = 64
_MAX_DEPTH = 4
_MAX_TEXT = 2_000
_SHOWN = 100
_LISTS = ("subscribe", "unsubscribe")
_TEXTS = ("authorization", "workspace")


class Kind(StrEnum):
    """What a message is. The hubs get the first four, clients all but SAME."""

    SNAPSHOT = "snapshot"
    CHANGE = "change"
    SAME = "same"
    GONE = "gone"
    HELLO = "hello"
    HEARTBEAT = "heartbeat"
    ERROR = "error"


class Code:
    """Why a socket is closed, and the code of an error message."""

    BAD_MESSAGE = 4400
    NO_IDENTITY = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    NOT_READING = 4408
    TOO_MANY = 4429
    UNAVAILABLE = 4503


class Closed(Exception):  # noqa: N818 - reads as the event
    """The socket is to be closed with this code; the reason has at most 123 bytes."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code} {reason}")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for."""

    authorization: str | None = None
    workspace: str | None = None
    subscribe: list[str] = field(default_factory=list)
    unsubscribe: list[str] = field(default_factory=list)


def read_request(message: Mapping[str, Any]) -> Request:
    """What a frame of a client asks for. Raises Closed: it is none of our messages."""
    text = message.get("text")
    if text is None:
        raise Closed(Code.BAD_MESSAGE, "Send text, not binary frames.")
    body = text.encode("utf-8", "surrogatepass")
    if len(body) > MAX_MESSAGE_BYTES:
        raise Closed(Code.BAD_MESSAGE, f"A message may have at most {MAX_MESSAGE_BYTES} bytes.")
    try:
        found = parse_json(body, max_depth=_MAX_DEPTH)
    except (MalformedJsonError, Invalid) as error:
        raise Closed(Code.BAD_MESSAGE, _cut(str(error))) from error
    if not isinstance(found, dict):
        raise Closed(Code.BAD_MESSAGE, "A message is a JSON object.")
    for name, value in found.items():
        _check(name, value)
    return Request(**found)


def _check(name: str, value: Any) -> None:
    if name in _TEXTS:
        if isinstance(value, str) and len(value) <= _MAX_TEXT:
            return
        raise Closed(Code.BAD_MESSAGE, f"{name} is a text.")
    if name not in _LISTS:
        known = ", ".join((*_LISTS, *_TEXTS))
        raise Closed(Code.BAD_MESSAGE, _cut(f"Unknown field {name[:20]!r}: known are {known}."))
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Closed(Code.BAD_MESSAGE, f"{name} is a list of names of topics.")
    if len(value) > MAX_TOPICS:
        raise Closed(Code.TOO_MANY, f"{name} may have at most {MAX_TOPICS} topics.")


def _cut(reason: str) -> str:
    """As much as a close frame holds."""
    return reason.encode()[:123].decode(errors="ignore")


def encode(kind: Kind, **fields: Any) -> str:
    """A message for a client."""
    return orjson.dumps({"v": VERSION, "kind": kind, **fields}).decode()


def encode_error(code: int, message: str, topic: str | None = None) -> str:
    """Why something is refused, while the socket stays open."""
    named = {} if topic is None else {"topic": topic[:_SHOWN]}
    return encode(Kind.ERROR, code=code, message=message, **named)


@dataclass(frozen=True, slots=True)
class Publication:
    """What the broadcaster says of a topic: `data` is JSON, empty for SAME and GONE. `epoch` is
    another one with each broadcaster; `seq` counts the changes of a topic within it."""

    watched: Watched
    kind: Kind
    epoch: int
    seq: int
    at: str
    data: bytes = b""

    def to_layer(self) -> dict[str, Any]:
        """For the channel layer."""
        return {
            "type": "live",
            "watched": self.watched.text,
            "kind": str(self.kind),
            "epoch": self.epoch,
            "seq": self.seq,
            "at": self.at,
            "data": self.data,
        }

    @classmethod
    def from_layer(cls, message: Mapping[str, Any]) -> "Publication":
        """Raises KeyError, ValueError: it is of another release."""
        return cls(
            watched=Watched.read(message["watched"]),
            kind=Kind(message["kind"]),
            epoch=message["epoch"],
            seq=message["seq"],
            at=message["at"],
            data=message["data"],
        )


def group_of(watched: Watched) -> str:
    """The group of a topic in the channel layer, whose names have few characters."""
    return f"live.{hashlib.sha256(watched.text.encode()).hexdigest()[:40]}"
