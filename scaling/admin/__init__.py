"""The pages of the fleet's size in the admin."""

from scaling.admin.events import ScalingEventAdmin
from scaling.admin.pool import PoolAdmin
from scaling.queries.pool import read_objective
from tasks_app.admin.objective import register_objective

register_objective(read_objective)

__all__ = ["PoolAdmin", "ScalingEventAdmin"]
