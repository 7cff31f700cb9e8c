"""Noted changes of counts are added up."""

from tasks_app.services.rollups import fold_counts


def fold() -> bool:
    """One batch of changes."""
    return fold_counts()
