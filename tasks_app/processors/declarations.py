"""What a node declares of its processors: the part of each that others can compare and show."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.core.formatting import shorten
from controlplane.core.jsonb import dump_jsonb
from tasks_app.descriptors import MAX_DESCRIPTION, Descriptor
from tasks_app.processors.registry import Processor, all_processors, path_of

_NUL = "\\u0000"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A task type as one version of the code declares it."""

    name: str
    descriptor: Descriptor
    queue: str
    max_attempts: int
    timeout_seconds: float
    is_async: bool
    is_internal: bool
    retry: Mapping[str, Any]
    retry_rule: str  # the path of the function that decides instead of `retry`; empty: none
    payload_schema: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            **self.descriptor.to_json(),
            "queue": self.queue,
            "maxAttempts": self.max_attempts,
            "timeoutSeconds": self.timeout_seconds,
            "isAsync": self.is_async,
            "isInternal": self.is_internal,
            "retry": dict(self.retry),
            "retryRule": self.retry_rule,
            "payloadSchema": dict(self.payload_schema),
        }

    @classmethod
    def from_json(cls, name: str, content: Mapping[str, Any]) -> "Declaration":
        return cls(
            name=name,
            descriptor=Descriptor.of(content),
            queue=str(content.get("queue", "")),
            max_attempts=int(content.get("maxAttempts", 0)),
            timeout_seconds=float(content.get("timeoutSeconds", 0)),
            is_async=bool(content.get("isAsync")),
            is_internal=bool(content.get("isInternal")),
            retry=content.get("retry") or {},
            retry_rule=str(content.get("retryRule") or ""),
            payload_schema=content.get("payloadSchema") or {},
        )


def declare(processor: Processor) -> Declaration:
    """What a node says of this processor."""
    return Declaration(
        name=processor.name,
        descriptor=Descriptor(
            title=processor.title,
            description=_storable(shorten(processor.description, MAX_DESCRIPTION)),
            owner=processor.owner,
            runbook=processor.runbook,
        ),
        queue=processor.queue,
        max_attempts=processor.max_attempts,
        timeout_seconds=float(processor.timeout_seconds),
        is_async=processor.is_async,
        is_internal=processor.is_internal,
        retry=processor.retry.to_json(),
        retry_rule="" if processor.retry_rule is None else path_of(processor.retry_rule),
        payload_schema=_comparable(processor.payload_schema),
    )


def declare_all() -> dict[str, tuple[Declaration, str]]:
    """The declarations of this process by name, each with its digest."""
    return {each.name: (each, digest_of(each)) for each in map(declare, all_processors())}


def digest_of(declaration: Declaration) -> str:
    """The same for the same declaration, in every process."""
    content = {"type": declaration.name, **declaration.to_json()}
    return hashlib.sha256(dump_jsonb(content, sort_keys=True)).hexdigest()


def digest_of_set(digests: Sequence[str]) -> str:
    """That of a whole set of declarations."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _comparable(value: Any) -> Any:
    """A schema that Postgres can store, and that does not depend on the order of a Python set."""
    if isinstance(value, Mapping):
        found = {_storable(str(key)): _comparable(each) for key, each in value.items()}
        default = found.get("default")
        if found.get("uniqueItems") and isinstance(default, list):
            found["default"] = sorted(default, key=lambda each: dump_jsonb(each, sort_keys=True))
        return found
    if isinstance(value, list | tuple):
        return [_comparable(each) for each in value]
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


def _storable(text: str) -> str:
    """Without what a text of Postgres cannot hold."""
    return text.replace("\x00", _NUL).encode("utf-8", "backslashreplace").decode()
