"""The pages of the fleet's size in the admin."""

from scaling.admin.events import ScalingEventAdmin
from scaling.admin.pool import PoolAdmin

__all__ = ["PoolAdmin", "ScalingEventAdmin"]
