"""`manage.py apikeys`: create, list and revoke API keys."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.console.command import Options, Reply
from controlplane.core.console.derived import add_fields
from controlplane.core.console.options import whole_number
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.console.tables import columns_of, list_view
from controlplane.core.ids import parse_uuid
from controlplane.core.schema import represent
from controlplane.workspaces import queries, services
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from controlplane.workspaces.schema import ApiKey, ApiKeyRequest

_MAX_DAYS = 36_500
_EXAMPLES = """\
  manage.py apikeys create ci --role operator --scope tasks:write --days 90
  manage.py apikeys list
  manage.py apikeys revoke tp_0123abcd"""


class Command(WorkspaceCommand):
    """A key is given by its id or its prefix. Changes are audited."""

    help = "Create, list and revoke API keys."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        create = subcommands.add(
            "create", self._create, "Create a key, and show it once.", effect=Effect.MAKES
        )
        create.add_argument("name", help="name of the key, such as its purpose")
        add_fields(create, ApiKeyRequest, "role", "scopes", aliases={"scopes": "--scope"})
        create.add_argument(
            "--days", type=whole_number(1, _MAX_DAYS), metavar="N", help="days until it expires"
        )
        subcommands.add("list", self._list, "List keys without their secrets.", show=_KEYS)
        revoke = subcommands.add(
            "revoke", self._revoke, "Revoke a key for good.", effect=Effect.ENDS
        )
        revoke.add_argument("key", help="id, or prefix (tp_…)")

    def _create(self, workspace_id: UUID, options: Options) -> Any:
        days = options["days"]
        created = services.create_api_key(
            workspace=queries.get_workspace(options["workspace"]),
            name=options["name"],
            role=options["role"],
            scopes=options["scopes"],
            expires_at=None if days is None else now() + timedelta(days=days),
            actor=terminal_actor(),
        )
        if not self.is_json:
            self.warn("This is shown only once. Keep it like a password.")
        return Reply(
            {**represent(ApiKey, created.key, None), "key": created.secret}, [created.secret]
        )

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        workspace = queries.get_workspace(options["workspace"])
        return [represent(ApiKey, key, None) for key in queries.list_api_keys(workspace)]

    def _revoke(self, workspace_id: UUID, options: Options) -> Any:
        workspace = queries.get_workspace(options["workspace"])
        try:
            key_id = parse_uuid(options["key"])
        except ValueError:
            key_id = queries.get_api_key_by_prefix(workspace, options["key"]).id
        text = "Programs that use it are refused from now on, for good."
        self.look_twice(Look(f"Revoke the key {options['key']}", text), options)
        key = services.revoke_api_key(workspace=workspace, key_id=key_id, actor=terminal_actor())
        return Reply(represent(ApiKey, key, None), [f"{key} is revoked."])


def _state(key: Any) -> str:
    if key["revokedAt"]:
        return f"revoked {key['revokedAt']}"
    return f"last used {key['lastUsedAt'] or 'never'}"


_KEYS = list_view(
    {**columns_of("prefix", "role"), "state": _state, **columns_of("name")},
    empty="There are no keys yet: create one with `manage.py apikeys create NAME`.",
)
