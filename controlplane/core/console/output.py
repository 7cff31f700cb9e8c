"""Streams and parsers on which every text is made safe, and the errors of a command."""

import sys
from typing import Any, NoReturn

from django.core.management.base import CommandError as DjangoCommandError
from django.core.management.base import CommandParser, DjangoHelpFormatter, OutputWrapper

from controlplane.core.errors import DomainError
from controlplane.core.safetext import safe_text

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
EXIT_TIMEOUT = 4


class CommandError(DjangoCommandError):
    """An error of a command. Each argument is one line, which a text in it cannot break. `body` is
    a partial result: it is printed before the error.
    """

    def __init__(self, *lines: object, returncode: int = EXIT_FAILED, body: Any = None) -> None:
        self.body = body
        super().__init__("\n".join(map(safe_text, lines)), returncode=returncode)


class SafeOutput(OutputWrapper):
    """A stream on which every text is made safe. With `keeps_lines` a text may have line breaks."""

    def __init__(self, out: Any, *, keeps_lines: bool) -> None:
        super().__init__(out)
        self._keeps_lines = keeps_lines

    @property
    def raw(self) -> Any:
        """The stream below, for what makes its texts safe by itself."""
        return self._out

    def write(  # type: ignore[override] # Django's own signature
        self, msg: str = "", style_func: Any = None, ending: str | None = None
    ) -> None:
        text = msg.removesuffix("\n")
        super().write(safe_text(text, keep_lines=self._keeps_lines), style_func, ending)

    def write_block(self, text: str) -> None:
        """Several lines, all written by the caller."""
        super().write(safe_text(text, keep_lines=True))


def wrap_stream(stream: Any, *, keeps_lines: bool) -> SafeOutput:
    """The stream, or Django's wrapper of it, as a safe one."""
    if isinstance(stream, SafeOutput):
        return stream
    inner = stream._out if isinstance(stream, OutputWrapper) else stream
    return SafeOutput(inner, keeps_lines=keeps_lines)


class SafeParser(CommandParser):
    """argparse repeats arguments unchanged; here they are made safe first."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments with exit code 2."""
        text = safe_text(message)
        command = self.prog.rpartition("manage.py")[2].strip()
        hint = f"`manage.py {command} --help` lists the options."
        if not self.called_from_command_line:
            raise CommandError(text, hint, returncode=EXIT_USAGE)
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: error: {text}\n{hint}\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(safe_text(message, keep_lines=True), file)


class HelpFormatter(DjangoHelpFormatter):
    """Fills a paragraph of one line, and leaves a text of several lines as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


def describe_refusal(error: DomainError) -> list[str]:
    """A line for each wrong field, or one line in total."""
    return [f"{each['field']}: {each['message']}" for each in error.errors] or [str(error)]
