"""Where workers are started and stopped: one small interface, and a back-end for each place."""

from scaling.fleet.base import Fleet, FleetError, Member, Phase
from scaling.fleet.registry import make_fleet

__all__ = ["Fleet", "FleetError", "Member", "Phase", "make_fleet"]
