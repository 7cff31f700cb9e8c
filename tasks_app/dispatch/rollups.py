"""What happened in the last minutes is summed up."""

from tasks_app.services.rollups import recompute_rollups


def roll_up() -> bool:
    """One batch of minutes."""
    return recompute_rollups()
