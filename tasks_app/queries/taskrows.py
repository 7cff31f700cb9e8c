"""Rows of tasks with more columns than the model has, read without its instances."""

from collections import namedtuple
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from controlplane.core.jsonb import load_jsonb

_JSON_COLUMNS = ("payload", "result", "error", "retry")


def read_task_rows(cursor: Any, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
    """The rows of a statement that selects columns of tasks, with the columns as attributes: JSON
    as values, `pk` as a model has it."""
    cursor.execute(sql, parameters)
    result = cursor.pgresult
    # Not by the cursor's description, which makes an object for each column.
    make = _row_class(tuple(map(result.fname, range(result.nfields))))._make
    return [_load(make(row)) for row in cursor.fetchall()]


@lru_cache(maxsize=64)
def _row_class(names: tuple[bytes, ...]) -> Any:
    row = namedtuple("TaskRow", [name.decode() for name in names])  # type: ignore[misc]
    row.pk = property(lambda self: self.id)  # type: ignore[attr-defined] # as a model's row has
    return row


def _load(row: Any) -> Any:
    texts = {
        name: load_jsonb(text)
        for name in _JSON_COLUMNS
        if (text := getattr(row, name, None)) is not None
    }
    return row._replace(**texts) if texts else row
