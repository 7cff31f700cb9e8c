"""How many rows an open list does not show yet: counted only as far as its label shows it."""

_MOST = 99
NEW_LIMIT = _MOST + 1
"""How many new rows are looked for: one more than are counted, to see that there are more."""


def describe_new(count: int) -> str:
    """The count for a label: empty for none, `99+` for more than 99."""
    if not count:
        return ""
    return f"{_MOST}+" if count > _MOST else str(count)
