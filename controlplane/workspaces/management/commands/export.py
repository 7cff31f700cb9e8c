"""`manage.py export`: a list as a file."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply
from controlplane.core.console.derived import add_options, read_options
from controlplane.core.console.options import identifier
from controlplane.core.console.output import CommandError
from controlplane.core.exports.files import FORMATS
from controlplane.core.formatting import format_size
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from controlplane.workspaces.exporting import ExportedList, Selected, list_all
from controlplane.workspaces.exporting.lists import describe_filter
from controlplane.workspaces.exporting.stream import Export, Wanted, start_export

_EXAMPLES = """\
  manage.py export tasks --status FAILED --created-after 24h > failed.csv
  manage.py export dead-letters --format xlsx --output letters.xlsx
  manage.py export tasks --format ndjson | jq -r .name
  manage.py export operation-items ID --outcome REFUSED"""
_UNFINISHED = ".part"


class Command(WorkspaceCommand):
    """A file has its name only when it is complete."""

    help = "Write a list to a file, or to the standard output."
    notes = (
        "Every row that matches is written, in one fixed order. In CSV and XLSX, texts that a "
        "spreadsheet would take for formulas are made harmless, and invisible characters are "
        "shown as escapes; NDJSON is exact. Exports are audited."
    )
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        for exported in list_all():
            run = partial(self._export, exported)
            each = subcommands.add(exported.name, run, f"Export {exported.plural_noun}.")
            if exported.owner:
                each.add_argument("owner", type=identifier, help=f"id of the {exported.owner}")
            each.add_argument("--format", choices=list(FORMATS), default="csv", help="default: csv")
            each.add_argument("--fields", metavar="NAME[,NAME]", help="only these columns")
            each.add_argument(
                "--bom", action="store_true", help="begin a CSV file with a byte order mark"
            )
            each.add_argument("--output", metavar="FILE", type=Path, help="write to this file")
            add_options(each, exported.filter)

    def _export(self, exported: ExportedList, workspace_id: UUID, options: Options) -> Reply | None:
        file_format, output = FORMATS[options["format"]], options["output"]
        if output is None and not file_format.is_text and sys.stdout.isatty():
            self.usage("A workbook is not for a terminal: name a file with --output.")
        actor = terminal_actor()
        selected = Selected(
            workspace_id, read_options(exported.filter, options), actor, options.get("owner")
        )
        wanted = Wanted(
            exported=exported,
            file_format=file_format,
            workspace_id=workspace_id,
            filter=describe_filter(exported, selected),
            columns=exported.read_columns(options["fields"], file_format),
            has_mark=options["bom"],
        )
        export = start_export(wanted, exported.rows(selected), actor)
        try:
            with self.progress("Exporting") as update, _opened(output) as write:
                for piece in export:
                    write(piece)
                    update(completed=export.rows, note=format_size(export.size))
        except BrokenPipeError:
            # Who reads has seen enough, such as head. What Python still holds would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        except OSError as error:
            raise CommandError(f"The file cannot be written: {error}") from error
        finally:
            export.close()
        return self._report(exported, export, output)

    def _report(self, exported: ExportedList, export: Export, output: Path | None) -> Reply | None:
        if output is None:
            return None
        line = f"Wrote {exported.count(export.rows)} to {output} ({format_size(export.size)})."
        body = {"rows": export.rows, "bytes": export.size, "file": str(output)}
        return Reply(body, [line])


@contextmanager
def _opened(path: Path | None) -> Iterator[Callable[[bytes], Any]]:
    """Writes to the file, which is complete when it has its name; without one, to the standard
    output."""
    if path is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    unfinished = path.with_name(path.name + _UNFINISHED)
    file: IO[bytes] = unfinished.open("wb")
    try:
        with file:
            yield file.write
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(path)
