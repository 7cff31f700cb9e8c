"""`manage.py audit`: who did what."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options
from controlplane.core.console.derived import add_options, read_options
from controlplane.core.console.options import add_limit
from controlplane.core.console.tables import columns_of, list_view
from controlplane.core.formatting import EMPTY
from controlplane.core.schema import represent
from controlplane.workspaces.audit.queries import list_audit_events, read_events
from controlplane.workspaces.console import WorkspaceCommand
from controlplane.workspaces.schema import AuditEvent, AuditFilter

_EXAMPLES = """\
  manage.py audit list --by people --created-after 24h
  manage.py audit list --target-type queue --target-id billing
  manage.py audit list --action task.cancel --json"""


class Command(WorkspaceCommand):
    """The newest first; `--json` has all that an event records."""

    help = "Show the audit log of a workspace."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        listed = subcommands.add("list", self._list, "List events, newest first.", show=_EVENTS)
        add_options(listed, AuditFilter)
        add_limit(listed)

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        events = list_audit_events([workspace_id], read_options(AuditFilter, options))
        found = read_events(events, options["limit"])
        return [represent(AuditEvent, event, None) for event in found]


def _changes(event: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{each['field']}: {_text(each['before'])} → {_text(each['after'])}"
        for each in event["changes"]
    )


def _text(value: Any) -> str:
    return EMPTY if value is None else str(value)


_EVENTS = list_view(
    {
        **columns_of("createdAt"),
        "by": lambda event: event["actor"]["name"],
        **columns_of("action"),
        "object": lambda event: event["targetId"],
        "changed": _changes,
    },
    empty="No event matches.",
)
