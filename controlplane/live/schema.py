"""The answer for those who poll."""

from datetime import datetime
from typing import Any, Literal

from controlplane.core.schema import Resource, shown


class TopicSnapshot(Resource):
    """A topic as it is now, in the form of the socket's message."""

    v: int = shown("Version of the format.")
    kind: Literal["snapshot"]
    topic: str
    at: datetime = shown("When it was read.")
    every: float = shown("Seconds between two reads.")
    data: dict[str, Any]
