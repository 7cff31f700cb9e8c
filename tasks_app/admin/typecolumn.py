"""The names of task types in a column of one of Django's lists."""

from collections.abc import Callable
from functools import cache
from typing import Any

from tasks_app.labels import label_type
from tasks_app.queries.declarations import read_catalogue
from tasks_app.templatetags.descriptors import label


def type_column() -> Callable[[Any], str]:
    """For `get_list_display`: a column for one page, which reads what is declared once."""
    catalogue = cache(read_catalogue)

    @cache
    def draw(name: str) -> str:
        return label(label_type(catalogue().get(name)))

    def column(row: Any) -> str:
        return draw(row.type)

    column.__name__ = "type"  # the admin's CSS class: field-type
    column.short_description = "type"  # type: ignore[attr-defined] # as Django's lists read it
    return column
