"""Twisted's clock."""

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor

# Its interface is declared without `self`, which a type checker cannot read.
_reactor: Any = reactor


def call_later(seconds: float, function: Callable[[], object]) -> Any:
    """Call it from the event loop; the call can be cancelled."""
    return _reactor.callLater(seconds, function)
