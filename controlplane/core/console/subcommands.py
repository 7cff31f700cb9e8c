"""Subcommands: how they are declared, and what they return."""

from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.core.console.options import add_watch, add_yes
from controlplane.core.console.output import HelpFormatter, SafeParser
from controlplane.core.console.secondlook import Effect

if TYPE_CHECKING:
    from controlplane.core.console.command import ConsoleCommand
    from controlplane.core.console.tables import Show


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a subcommand: a record for `--json`, and lines for people."""

    body: Any
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Handler:
    """The function of a subcommand, and how its result is shown to people (None: as JSON)."""

    run: Callable[..., Any]
    show: "Show | None"


def add_effect(parser: ArgumentParser, effect: Effect, *, has_reason: bool = False) -> None:
    """The options that follow from what a command does."""
    parser.set_defaults(effect=effect)
    if effect != Effect.READS and not has_reason:
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="why it is done, for the audit log"
        )
    if effect == Effect.ENDS:
        add_yes(parser)


class Subcommands:
    """The subcommands of a command, or of one of its subcommands."""

    def __init__(
        self, command: "ConsoleCommand", parser: ArgumentParser, *, is_required: bool = True
    ) -> None:
        self._command = command
        # Below another subcommand an option that is not given must not undo one that was.
        self._kwargs: dict[str, Any] = {} if is_required else {"default": SUPPRESS}
        self._parsers = parser.add_subparsers(
            dest="subcommand" if is_required else "nested",
            required=is_required,
            title="subcommands",
            metavar="subcommand",
            parser_class=SafeParser,
        )

    def add(
        self,
        name: str,
        run: Callable[..., Any],
        summary: str,
        *,
        show: "Show | None" = None,
        examples: str = "",
        can_watch: bool = False,
        effect: Effect = Effect.READS,
        has_reason: bool = False,
        **common: Any,
    ) -> ArgumentParser:
        """Declare one. `run` returns the result, which `show` prints for people. `can_watch`: it
        only reads, and takes --watch. What changes something takes --reason (`has_reason`: it has
        one of its own, or writes no audit log), and what asks first --yes. `common` is passed to
        `add_common_options`."""
        epilog = self._command.exit_codes
        parser: ArgumentParser = self._parsers.add_parser(
            name,
            help=summary,
            description=summary,
            formatter_class=HelpFormatter,
            epilog=f"Examples:\n{examples}\n\n{epilog}" if examples else epilog,
        )
        self._command.add_common_options(parser, **common, **self._kwargs)
        if can_watch:
            add_watch(parser, **self._kwargs)
        add_effect(parser, effect, has_reason=has_reason)
        parser.set_defaults(handler=Handler(run, show))
        return parser

    def nest(self, parser: ArgumentParser) -> "Subcommands":
        """Subcommands of a subcommand, which can also be called without them."""
        return Subcommands(self._command, parser, is_required=False)
