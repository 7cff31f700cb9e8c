"""What `manage.py` runs: Django's command line, with one sentence where a person made a mistake."""

import os
import sys

from controlplane.embedded.home import EmbeddedError

DEFAULT_SETTINGS = "controlplane.settings"
# These wait patiently for a database that comes back, so they must ask before they begin.
LONG_RUNNING = {"worker", "dispatch", "autoscale", "runserver"}
COMPONENTS = {"worker", "dispatch", "autoscale"}
STARTS_SERVERS = "up"
EXIT_CONFIGURATION = 2


def main(argv: list[str]) -> int:
    """Run one command; returns its exit code (2: a setting is wrong or a server is missing)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", DEFAULT_SETTINGS)
    if len(argv) > 1 and argv[1] in COMPONENTS:
        os.environ["TASKPLANE_COMPONENT"] = argv[1]
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        if len(argv) > 1 and argv[1] in LONG_RUNNING and not {"-h", "--help"} & set(argv):
            _require_servers()
        execute_from_command_line(argv)
    except (ImproperlyConfigured, EmbeddedError) as error:
        return _say(error)
    except OperationalError:
        # Only a database that nobody started is the user's to fix here; the rest is worth a trace.
        if argv[1] != STARTS_SERVERS:
            _explain_missing_servers()
        raise
    return 0


def _say(error: Exception) -> int:
    from controlplane.core.safetext import safe_text

    print(f"taskplane: {safe_text(error, keep_lines=True)}", file=sys.stderr)
    return EXIT_CONFIGURATION


def _explain_missing_servers() -> None:
    try:
        _require_servers()
    except EmbeddedError as error:
        sys.exit(_say(error))


def _require_servers() -> None:
    from django.conf import settings

    from controlplane.embedded import require_running

    if settings.EMBEDDED_POSTGRES or settings.EMBEDDED_VALKEY:
        require_running(postgres=settings.EMBEDDED_POSTGRES, valkey=settings.EMBEDDED_VALKEY)
