"""One export from its start to its end, however that comes."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self
from uuid import UUID

from django.conf import settings

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, DomainError
from controlplane.core.exports.files import Format, write_csv, write_ndjson, write_workbook
from controlplane.core.ids import uuid7
from controlplane.core.schema import represent
from controlplane.core.sql import DATABASE_ERRORS, release_connections
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.exporting.access import Access
from controlplane.workspaces.exporting.lists import ExportedList, Rows
from controlplane.workspaces.exporting.slots import slots
from controlplane.workspaces.services import record_audit

logger = logging.getLogger(__name__)

RECHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported. `filter` is what the audit log says about the rows; `columns` are names,
    None for all. `has_mark`: a CSV file begins with a byte order mark."""

    exported: ExportedList
    file_format: Format
    workspace_id: UUID
    filter: Mapping[str, Any]
    columns: Sequence[str] | None = None
    has_mark: bool = False
    access: Access | None = None

    @property
    def file_name(self) -> str:
        return f"{self.exported.name}-{now():%Y%m%d-%H%M%S}.{self.file_format.name}"


def start_export(wanted: Wanted, rows: Rows, actor: Actor) -> "Export":
    """Begin to read these rows, which are those of the workspace. Its start and its end are in the
    audit log.

    Raises TooMany, and Invalid if finding the first rows takes too long.
    """
    exported = wanted.exported
    person = f"{actor.kind}:{actor.id}"
    slots.take(person)
    try:
        batches = exported.read_batches(rows)
        first = next(batches, [])
        # On its own: the rows leave even if nothing else is ever written about them.
        export_id = str(uuid7())
        _record(wanted, actor, "export.start", {"export": export_id, **_describe(wanted)})
    except BaseException:
        slots.give_back(person)
        raise
    return Export(wanted, chain([first], batches), actor, export_id)


def _describe(wanted: Wanted) -> dict[str, Any]:
    columns = None if wanted.columns is None else list(wanted.columns)
    return {
        "format": wanted.file_format.name,
        "filter": dict(wanted.filter),
        **({} if columns is None else {"fields": columns}),
    }


def _record(wanted: Wanted, actor: Actor, action: str, detail: dict[str, Any]) -> None:
    record_audit(wanted.workspace_id, actor, action, "export", wanted.exported.name, detail)


class Export:
    """The pieces of a file. A caller that iterates over it calls `close` in the end, which gives
    back its place and writes the number of rows to the audit log.

    While it goes on, the actor's rights are looked at again every few seconds. If they are gone, or
    the export takes longer than EXPORT_MAX_SECONDS, it raises; so the file has no end.
    """

    def __init__(
        self, wanted: Wanted, batches: Iterable[Sequence[Any]], actor: Actor, export_id: str
    ) -> None:
        self.rows = self.size = 0  # of the pieces that were taken
        self._written = 0
        self._wanted = wanted
        self._actor = actor
        self._id = export_id
        self._person = f"{actor.kind}:{actor.id}"
        self._began = self._checked = time.monotonic()
        self._outcome = "abandoned"
        self._problem = ""
        self._is_closed = False
        self._pieces = self._write(self._represent(batches))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            piece: bytes = next(self._pieces)
        except StopIteration:
            self._outcome = "completed"
            raise
        except BaseException as error:
            self._outcome = "failed"
            self._problem = str(error) if isinstance(error, DomainError) else type(error).__name__
            raise
        self.rows = self._written
        self.size += len(piece)
        return piece

    def close(self) -> None:
        """End it; a second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._pieces.close()
        slots.give_back(self._person)
        detail = {
            "export": self._id,
            "outcome": self._outcome,
            "rows": self.rows,
            "bytes": self.size,
            "seconds": round(time.monotonic() - self._began, 1),
            **({"problem": self._problem} if self._problem else {}),
        }
        try:
            _record(self._wanted, self._actor, "export.end", detail)
        except DATABASE_ERRORS:  # the audit log has its start
            logger.warning("End of an export not recorded: %s", detail, exc_info=True)
        finally:
            release_connections()

    def _write(self, batches: Iterable[Iterator[dict[str, Any]]]) -> Any:
        wanted = self._wanted
        if not wanted.file_format.is_table:
            return write_ndjson(batches)
        columns = wanted.exported.choose(wanted.columns)
        if wanted.file_format.name == "xlsx":
            return write_workbook(batches, columns)
        return write_csv(batches, columns, has_mark=wanted.has_mark)

    def _represent(self, batches: Iterable[Sequence[Any]]) -> Iterator[Iterator[dict[str, Any]]]:
        exported, columns = self._wanted.exported, self._wanted.columns
        fields = exported.needed_fields(columns, self._wanted.file_format)
        for batch in batches:
            self._check()
            described = exported.describe(batch) if batch else ()
            self._written += len(described)
            yield self._represent_each(described, fields)

    def _represent_each(self, rows: Sequence[Any], fields: Any) -> Iterator[dict[str, Any]]:
        schema, actor = self._wanted.exported.schema, self._actor
        return (represent(schema, row, actor, fields=fields) for row in rows)

    def _check(self) -> None:
        """Raises Forbidden if the actor may not see the rows any more, Conflict after too long."""
        at = time.monotonic()
        limit: int = settings.TASKPLANE["EXPORT_MAX_SECONDS"]
        if at - self._began > limit:
            raise Conflict(f"The export takes more than {limit} s: narrow it by time.")
        access = self._wanted.access
        if access is not None and at - self._checked >= RECHECK_SECONDS:
            self._actor = access.check(self._actor)
            self._checked = at
