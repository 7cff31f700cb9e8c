"""The base of every command of this project: what it prints has passed `safe_text`."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, OutputWrapper
from django.core.management.base import CommandError as DjangoCommandError

from controlplane.core.safetext import safe_json, safe_text


class CommandError(DjangoCommandError):
    """What a command cannot do. Each argument is one line, which a text in it cannot break."""

    def __init__(self, *lines: object, returncode: int = 1) -> None:
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
        """Several lines, all of the caller's own making."""
        super().write(safe_text(text, keep_lines=True))


def _wrap(stream: Any, *, keeps_lines: bool) -> SafeOutput:
    if isinstance(stream, SafeOutput):
        return stream
    return SafeOutput(
        stream._out if isinstance(stream, OutputWrapper) else stream, keeps_lines=keeps_lines
    )


class SafeCommand(BaseCommand):
    """A command. `self.stdout.write` prints one line, `self.warn` one on the standard error."""

    @property  # type: ignore[override] # Django sets it, as an attribute
    def stdout(self) -> SafeOutput:
        return self._safe_stdout

    @stdout.setter
    def stdout(self, stream: Any) -> None:
        self._safe_stdout = _wrap(stream, keeps_lines=False)

    @property  # type: ignore[override] # Django sets it, as an attribute
    def stderr(self) -> SafeOutput:
        return self._safe_stderr

    @stderr.setter
    def stderr(self, stream: Any) -> None:
        # Django itself writes errors of several lines here.
        self._safe_stderr = _wrap(stream, keeps_lines=True)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; an error that Django or a library raised is one line, too."""
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
