"""`manage.py up`: everything on this machine, until Ctrl-C."""

import os
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from controlplane import embedded
from controlplane.core.console.command import SafeCommand
from controlplane.embedded import home
from controlplane.embedded.components import Component, Listener, components
from controlplane.embedded.session import Session
from controlplane.settings.env import env
from controlplane.settings.parts.database import parse_database_url

# Everything must be down in ten seconds, and after its grace a worker needs a moment to interrupt
# what still runs and to hand it back. A grace that somebody has set is left as it is.
GRACE = "SHUTDOWN_GRACE_SECONDS"
LOCAL_GRACE_SECONDS = 4.0
AFTER_GRACE_SECONDS = 3.5
# Until the autoscaler notices that it is to end; then it waits for its workers.
TURN_SECONDS = 1.0
BACKEND = "AUTO_SCALING_BACKEND"
_ADDRESS = ("HOST", "PORT", "NAME", "USER", "PASSWORD")
LOCAL_BACKEND = "process"


class Command(SafeCommand):
    """Starts databases, app, dispatcher, worker and autoscaler, and keeps them running."""

    help = "Run everything on this machine until Ctrl-C."
    notes = (
        "Starts an embedded Postgres and Valkey when the environment names none, the app, the "
        "dispatcher, a worker, and the autoscaler, which starts more workers when they are needed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Only what the first start needs; everything else comes from the environment."""
        parser.add_argument(
            "--admin",
            default="admin",
            metavar="NAME",
            help="user name of the admin that the first start creates (default %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start in order, watch, and always stop in order."""
        # SIGINT too: a shell that starts this in the background has it ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
            signal.signal(signal.SIGHUP, signal.default_int_handler)
        session = Session(
            home.home(),
            say=self._say,
            with_postgres=settings.EMBEDDED_POSTGRES,
            with_valkey=settings.EMBEDDED_VALKEY,
        )
        failure: embedded.EmbeddedError | None = None
        try:
            session.write_pid(os.getpid())
            self._run(session, options["admin"])
        except KeyboardInterrupt:
            self._line("")
            self._line("Stopping: running tasks are finished or handed back.")
        except embedded.EmbeddedError as error:
            failure = error
        finally:
            # A second Ctrl-C must not leave half of it running.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            connections.close_all()
            session.stop()
        if failure:
            # The last line on the terminal, below those of what was stopped because of it.
            raise failure

    def _run(self, session: Session, admin: str) -> None:
        session.make_room(_components())
        session.start_servers()
        self._restart_if_moved()
        session.say_servers()
        self._say("database", "ready", self._migrate())
        kept = self._ensure_credentials(session.state, admin)
        # Only now is known what an operator has set in the database.
        session.start_components(_components(_scaling_note()))
        self._tell_how_to_use_it(session.state, *kept)
        session.watch()

    def _restart_if_moved(self) -> None:
        """Read the settings again if they were read before the servers had an address."""
        moved = settings.EMBEDDED_POSTGRES and _has_postgres_moved()
        known = (settings.REDIS_HOST, settings.REDIS_PORT)
        moved = moved or (settings.EMBEDDED_VALKEY and known != embedded.valkey_address())
        if moved:
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this very program

    def _migrate(self) -> str:
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError as error:
            reason = str(error).strip().splitlines()[0]
            raise embedded.EmbeddedError(
                f"The database cannot be used ({reason}): check DATABASE_URL."
            ) from error
        if not plan:
            return "up to date"
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0, database=DEFAULT_DB_ALIAS)
        return f"{len(plan)} migrations applied"

    def _ensure_credentials(self, state: Path, admin: str) -> tuple[home.Credentials | None, bool]:
        """The stored credentials, and whether they are new."""
        from controlplane.workspaces.services import ensure_bootstrap

        url = _app().url
        made = ensure_bootstrap(admin)
        if made is not None:
            new = home.Credentials(url, made.api_key, made.username, made.password)
            home.write_credentials(state, new)
            return new, True
        old = home.read_credentials(state)
        if old is not None and old.url != url:
            old = home.Credentials(url, old.api_key, old.admin_user, old.admin_password)
            home.write_credentials(state, old)
        return old, False

    def _tell_how_to_use_it(self, state: Path, kept: home.Credentials | None, new: bool) -> None:
        url, file = _app().url, _shown(state / home.CREDENTIALS_FILE)
        self._line("")
        self._line(f"Admin    {url}/admin/")
        self._line(f"API      {url}/api/docs")
        self._line(f"Logs     {_shown(state / 'logs')}/")
        if kept is None:
            self._line(
                f"There is no {file}: set a password with `manage.py changepassword`, and make a "
                "key in the admin."
            )
            return
        if new:
            self._line(f"User     {kept.admin_user}, password {kept.admin_password}")
            self._line(f"API key  {kept.api_key}")
            self._line(f"         (shown only once, and stored in {file})")
        else:
            self._line(f"User     {kept.admin_user}; its password and the API key are in {file}")
        self._line("")
        self._line("Try it, in another terminal:")
        self._line("")
        self._line(f"  . {file}")
        self._line(
            '  curl -s "$TASKPLANE_URL/tasks" -H "Authorization: Bearer $TASKPLANE_API_KEY" \\'
        )
        self._line("    -H 'Content-Type: application/json' \\")
        self._line('    -d \'{"name": "hello", "type": "noop", "payload": {}}\'')
        self._line("")
        self._line("Ctrl-C stops everything.")

    def _say(self, name: str, state: str, note: str) -> None:
        self._line(f"  {name:<11} {state:<9} {note}".rstrip())

    def _line(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _app() -> Listener:
    return Listener(settings.APP_SERVICE_HOST, settings.APP_SERVICE_PORT, "APP_SERVICE_PORT")


def _components(autoscaler_note: str = "") -> list[Component]:
    worker = Listener(
        settings.WORKER_SERVICE_HOST, settings.WORKER_SERVICE_PORT, "WORKER_SERVICE_PORT"
    )
    grace, elastic = _grace_seconds(), _backend() == LOCAL_BACKEND
    return components(
        app=_app(),
        worker=worker,
        slots=settings.TASKPLANE["WORKER_CONCURRENCY"],
        worker_seconds=grace + AFTER_GRACE_SECONDS,
        autoscaler_seconds=TURN_SECONDS + elastic * (grace + AFTER_GRACE_SECONDS),
        autoscaler_note=autoscaler_note,
        leads=_leads,
    )


def _grace_seconds() -> float:
    """How long the worker's tasks may continue after Ctrl-C; the worker reads it from here."""
    if env.text(GRACE):
        return float(settings.TASKPLANE[GRACE])
    os.environ[GRACE] = str(LOCAL_GRACE_SECONDS)
    return LOCAL_GRACE_SECONDS


def _backend() -> str:
    """Where workers are started: on this machine, unless it is configured otherwise. App and
    autoscaler read it from here."""
    if not env.text(BACKEND):
        os.environ[BACKEND] = LOCAL_BACKEND
        return LOCAL_BACKEND
    return str(settings.TASKPLANE_SCALING["BACKEND"])


def _scaling_note() -> str:
    """The configuration in force, which may differ from the environment."""
    from scaling.queries.pool import get_pool, get_values

    values = get_values(get_pool())
    if not values["enabled"]:
        return "off"
    return f"{values['min_workers']} to {values['max_workers']} workers, {values['strategy']}"


def _leads(name: str) -> bool:
    leader = apps.get_model("tasks_app", "Leader")
    try:
        return bool(leader.objects.filter(name=name, expires_at__gt=timezone.now()).exists())
    except DatabaseError:
        return False
    finally:
        # Checked rarely, over days: a connection kept open between two checks would break.
        connection.close()


def _has_postgres_moved() -> bool:
    """Whether the embedded server has another address than these settings."""
    found = parse_database_url(embedded.postgres_local_url() or "")
    known = settings.DATABASES[DEFAULT_DB_ALIAS]
    return any(known[name] != found[name] for name in _ADDRESS)


def _shown(path: Path) -> Path:
    """The path relative to the project's folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
