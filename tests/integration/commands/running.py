"""Running a command in the test's process, as a person at a terminal would."""

import json
from io import StringIO
from typing import Any, NamedTuple

from django.core.management import call_command
from django.core.management.base import CommandError


class Ran(NamedTuple):
    """What a command printed, and the exit code that the shell would get."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str) -> Ran:
    """Run `manage.py <arguments>`."""
    out, err = StringIO(), StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        return Ran(error.returncode, out.getvalue(), f"{err.getvalue()}{error}")
    return Ran(0, out.getvalue(), err.getvalue())
