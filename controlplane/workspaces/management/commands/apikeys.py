"""`manage.py apikeys`: make, list and revoke API keys."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from controlplane.core.clock import now
from controlplane.core.commands import CommandError, SafeCommand
from controlplane.core.errors import DomainError
from controlplane.core.ids import parse_uuid
from controlplane.core.schema import represent
from controlplane.workspaces import selectors, services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.schema import ApiKey
from controlplane.workspaces.states import DEFAULT_WORKSPACE, Role


class Command(SafeCommand):
    """Works on one workspace; exit code 1 with a sentence when something cannot be done."""

    help = "Make, list and revoke API keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb each."""
        # On each verb, so that it may be written where one expects it: after the verb.
        common = ArgumentParser(add_help=False)
        common.add_argument("--workspace", default=DEFAULT_WORKSPACE, help="workspace slug")
        common.add_argument("--json", action="store_true", help="print JSON")
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", parents=[common], help="make one; shows it this once")
        create.add_argument("name")
        create.add_argument("--role", choices=Role.values, default=Role.OPERATOR.value)
        create.add_argument(
            "--scope", action="append", default=[], help="like tasks:read; may be repeated"
        )
        create.add_argument("--days", type=int, help="expires after so many days")
        verbs.add_parser("list", parents=[common], help="show all, without their secrets")
        revoke = verbs.add_parser("revoke", parents=[common], help="end one for good")
        revoke.add_argument("key", help="its id, or its prefix (tp_…)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the verb."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _create(self, options: dict[str, Any]) -> None:
        days = options["days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days must be from 1 to 36500.")
        made = services.create_api_key(
            workspace=selectors.get_workspace(options["workspace"]),
            name=options["name"],
            role=options["role"],
            scopes=options["scope"],
            expires_at=None if days is None else now() + timedelta(days=days),
            actor=SYSTEM,
        )
        if options["json"]:
            self.write_json({**represent(ApiKey, made.key, None), "key": made.secret})
            return
        self.stdout.write(made.secret)
        self.warn("This is shown once. Keep it like a password.")

    def _list(self, options: dict[str, Any]) -> None:
        workspace = selectors.get_workspace(options["workspace"])
        keys = [represent(ApiKey, key, None) for key in selectors.list_api_keys(workspace)]
        if options["json"]:
            self.write_json(keys)
            return
        for key in keys:
            used, ended = key["lastUsedAt"] or "never", key["revokedAt"]
            state = f"revoked {ended}" if ended else f"last used {used}"
            self.stdout.write(f"{key['prefix']}  {key['role']:<8}  {state:<34}  {key['name']}")

    def _revoke(self, options: dict[str, Any]) -> None:
        workspace = selectors.get_workspace(options["workspace"])
        wanted = options["key"]
        try:
            key_id = parse_uuid(wanted)
        except ValueError:
            key_id = selectors.get_api_key_by_prefix(workspace, wanted).id
        key = services.revoke_api_key(workspace=workspace, key_id=key_id, actor=SYSTEM)
        if options["json"]:
            self.write_json(represent(ApiKey, key, None))
            return
        self.stdout.write(f"{key} is revoked.")
