"""The bases of every command of this project."""

import sys
import textwrap
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from django.core.management.base import BaseCommand
from django.core.management.base import CommandError as DjangoCommandError

from controlplane.core.console.output import (
    EXIT_FAILED,
    EXIT_NOT_FOUND,
    EXIT_USAGE,
    CommandError,
    HelpFormatter,
    SafeOutput,
    SafeParser,
    describe_refusal,
    wrap_stream,
)
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.console.subcommands import Handler, Reply, Subcommands, add_effect
from controlplane.core.errors import DomainError, NotFound
from controlplane.core.formatting import format_count
from controlplane.core.safetext import safe_json, safe_text

if TYPE_CHECKING:
    from controlplane.core.console.tables import Console, Show

__all__ = ["ConsoleCommand", "Options", "Reply", "SafeCommand", "Subcommands"]

Options = dict[str, Any]
_HELP_WIDTH = 79


class SafeCommand(BaseCommand):
    """A command. `self.stdout.write` prints one line, `self.warn` one on the standard error.

    `help` is one sentence, `notes` contains further information, `examples` has lines to paste.
    """

    # The checks import every view; `manage.py check` runs them.
    requires_system_checks = []
    notes = ""
    examples = ""
    exit_codes = "Exit codes: 0 done; 1 failed; 2 wrong options or settings."

    @property  # type: ignore[override] # Django sets it, as an attribute
    def stdout(self) -> SafeOutput:
        return self._safe_stdout

    @stdout.setter
    def stdout(self, stream: Any) -> None:
        self._safe_stdout = wrap_stream(stream, keeps_lines=False)

    @property  # type: ignore[override] # Django sets it, as an attribute
    def stderr(self) -> SafeOutput:
        return self._safe_stderr

    @stderr.setter
    def stderr(self, stream: Any) -> None:
        # Django itself writes errors of several lines here.
        self._safe_stderr = wrap_stream(stream, keeps_lines=True)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """A parser that repeats no argument unsafely; its help has examples and exit codes."""
        kwargs.setdefault("formatter_class", HelpFormatter)
        kwargs.setdefault("epilog", self._epilog())
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = SafeParser  # Django leaves no other way; the class only adds methods
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; an error from Django or a library is also shown as one line."""
        try:
            return super().execute(*args, **options)
        except DjangoCommandError as error:
            if type(error) is not DjangoCommandError:  # ours, or Django's own with its own format
                raise
            raise CommandError(error, returncode=error.returncode) from error

    def warn(self, text: str) -> None:
        """One line on the standard error."""
        self.stderr.write(safe_text(text))

    def write_lines(self, lines: Iterable[str]) -> None:
        """Each one line."""
        for line in lines:
            self.stdout.write(line)

    def write_json(self, value: Any) -> None:
        """For scripts."""
        self.stdout.write_block(safe_json(value))

    def _epilog(self) -> str:
        parts = [textwrap.fill(self.notes, _HELP_WIDTH)] if self.notes else []
        if self.examples:
            parts.append(f"Examples:\n{self.examples}")
        return "\n\n".join([*parts, f"{self.exit_codes}\n"])


class Result(Protocol):
    """The result of one bounded call of a bulk action."""

    matched: int
    changed: int
    has_more: bool


class ConsoleCommand(SafeCommand):
    """A command that shows or changes records, with or without subcommands. The result of a
    subcommand is printed: as JSON with `--json`, otherwise for people. Errors from a service become
    one line each, and an exit code.
    """

    exit_codes = (
        "Exit codes: 0 done; 1 failed or refused; 2 wrong options; 3 not found;\n"
        "4 timed out waiting."
    )
    is_json = False
    _width: int | None = None  # of what is drawn by --watch

    def add_subcommands(self, parser: ArgumentParser) -> Subcommands:
        """For `add_arguments`: declares subcommands, one of which is required."""
        return Subcommands(self, parser)

    def add_run(
        self,
        parser: ArgumentParser,
        run: Callable[..., Any],
        effect: Effect = Effect.READS,
        *,
        has_reason: bool = False,
    ) -> None:
        """For `add_arguments` of a command without subcommands: what it calls, and the options that
        every command has. What `run` returns is printed."""
        self.add_common_options(parser)
        add_effect(parser, effect, has_reason=has_reason)
        parser.set_defaults(handler=Handler(run, None))

    def add_common_options(self, parser: ArgumentParser, **kwargs: Any) -> None:
        """The options of each subcommand. `kwargs` go to `add_argument`."""
        parser.add_argument(
            "--json", action="store_true", help="print JSON", **({"default": False} | kwargs)
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Call the subcommand and print its answer."""
        self.is_json = options.get("json", False)
        if options.get("refresh") is None:
            self._answer(options["handler"], options)
        else:
            self._answer_again(options["handler"], options)

    def _answer(self, handler: Handler, options: Options) -> None:
        try:
            answer = self.call(handler.run, options)
        except CommandError as error:
            self._print(error.body, handler.show)
            raise
        except NotFound as error:
            raise CommandError(error, returncode=EXIT_NOT_FOUND) from error
        except DomainError as error:
            raise CommandError(*describe_refusal(error), returncode=EXIT_FAILED) from error
        self._print(answer, handler.show)

    def _answer_again(self, handler: Handler, options: Options) -> None:
        """Answer again and again, until Ctrl-C."""
        from controlplane.core.console import watching

        stdout, seconds = self.stdout, options["refresh"]
        try:
            if self.is_json or not watching.is_screen(stdout.raw):
                watching.append(lambda: self._answer(handler, options), seconds, stdout)
            else:
                title = f"manage.py {' '.join(sys.argv[1:])}"
                draw = partial(self._answer_as_text, handler, options)
                watching.watch_on_screen(draw, seconds, title)
        except KeyboardInterrupt:
            self.warn("Ended.")

    def _answer_as_text(self, handler: Handler, options: Options, width: int) -> str:
        """The answer as it is printed on a terminal of this width."""
        stdout, self._width = self.stdout, width
        text = StringIO()
        self.stdout = text
        try:
            self._answer(handler, options)
        finally:
            self.stdout, self._width = stdout, None
        return text.getvalue()

    def call(self, run: Callable[..., Any], options: Options) -> Any:
        """Call the declared function. Raises DomainError, CommandError."""
        return run(options)

    def say(self, *lines: str) -> None:
        """Lines for people, before the answer."""
        if not self.is_json:
            self.write_lines(lines)

    def console(self, *, for_errors: bool = False) -> "Console":
        """For people: tables on stdout, progress on stderr."""
        from controlplane.core.console.tables import Console

        # It makes texts safe by itself.
        stream = (self.stderr if for_errors else self.stdout).raw
        return Console(stream) if self._width is None else Console(stream, width=self._width)

    @contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Callable[..., None]]:
        """A bar on the standard error, drawn only on a terminal. Yields a function that takes
        `completed`, `total` and `note`."""
        from controlplane.core.console.tables import make_progress

        is_drawn = sys.stderr.isatty()
        with make_progress(self.console(for_errors=True), disable=not is_drawn) as progress:
            bar = progress.add_task(label, total=total, note="")
            yield lambda **values: progress.update(bar, **values)

    def act(
        self, action: str, past: str, noun: str, call: Callable[[], Any], *, dry_run: bool
    ) -> tuple[Reply, list[Any]]:
        """Do a bulk action in as many bounded calls as it takes. Returns the result, and that of
        each call."""
        results: list[Result] = []
        with self.progress(action.title()) as update:
            while not results or (results[-1].has_more and results[-1].changed):
                # A call that changes nothing would find the same rows again.
                results.append(call())
                update(completed=sum(each.matched for each in results))
        matched = sum(each.matched for each in results)
        changed = sum(each.changed for each in results)
        counted = format_count(matched, noun)
        line = f"Dry run: would {action} {counted}."
        if not dry_run:
            line = f"{past.capitalize()} {changed:,} of {counted}."
        return Reply({"matched": matched, "changed": changed}, [line]), results

    def confirm(self, question: str, options: Options) -> None:
        """Ask for confirmation, if a person is at the terminal and `--yes` is not given. Raises
        CommandError if the answer is no."""
        if options["yes"] or self.is_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return
        self.stderr.write(f"{safe_text(question)} [y/N] ", ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was changed.")

    def look_twice(self, look: Look, options: Options) -> bool:
        """Show what would happen, and ask; whether somebody was asked. Where nobody can be asked,
        what names each thing is done, and all else needs `--yes`. Raises CommandError: a reason is
        missing, nobody can be asked, or the answer is no."""
        if look.is_harmless:
            return False
        if look.needs_reason and not options.get("reason"):
            self.usage(f"{look.title}: give the --reason. Nothing was changed.")
        if options["yes"]:
            return False
        if self.is_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            if not look.is_chosen:
                self.usage(f"{look.title}: confirm it with --yes. Nothing was changed.")
            return False
        for line in look.describe():
            self.warn(line)
        self.confirm(f"{look.title}?", options)
        return True

    def tell_undo(self, arguments: str) -> None:
        """Say which command undoes what was done."""
        if not self.is_json:
            self.warn(f"Undo: manage.py {arguments}")

    def usage(self, *lines: str) -> NoReturn:
        """Refuse options that cannot be combined."""
        raise CommandError(*lines, returncode=EXIT_USAGE)

    def _print(self, answer: Any, show: "Show | None") -> None:
        if answer is None:
            return
        is_reply = isinstance(answer, Reply)
        if is_reply and not self.is_json:
            self.write_lines(answer.lines)
        elif self.is_json or show is None:
            self.write_json(answer.body if is_reply else answer)
        else:
            show(self.console(), answer)
