"""Starts and stops nothing: the number is published for KEDA, an HPA or a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from scaling.fleet.base import FleetError, Member


@dataclass(frozen=True, slots=True)
class AdvisoryFleet:
    """A fleet without members."""

    name: str = "advisory"
    moves: bool = False
    usual_startup: float = 60.0

    def list_members(self) -> list[Member]:
        """None: the workers are known only from their nodes."""
        return []

    def start(self, count: int) -> list[str]:
        self._refuse()

    def fence(self, keys: Sequence[str]) -> None:
        """Nothing to do: it has no members."""

    def stop(self, keys: Sequence[str]) -> None:
        """Nothing to do: it has no members."""

    def clear(self, keys: Sequence[str]) -> None:
        """Nothing to do: it has no members."""

    def close(self) -> None:
        """Nothing is open."""

    def _refuse(self) -> NoReturn:
        raise FleetError(
            "The back-end 'advisory' starts no workers: set AUTO_SCALING_BACKEND to process, "
            "docker or kubernetes, or let something else follow GET /auto-scaling/metric."
        )
