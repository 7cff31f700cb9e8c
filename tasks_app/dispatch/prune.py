"""What is older than its retention goes, in bounded batches."""

from tasks_app import services


def prune() -> bool:
    """One batch."""
    return services.prune_history().total > 0
