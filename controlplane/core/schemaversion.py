"""Whether the database has the schema that this release needs.

A release works with its own schema and with that of the next release, so what the database has in
addition does not matter here. With an older schema a component waits: docs/upgrades.md.
"""

import logging
import pkgutil
import time
from functools import cache
from importlib.util import find_spec

from django.apps import apps
from django.conf import settings
from django.db import ProgrammingError, connection
from psycopg.errors import UndefinedTable

logger = logging.getLogger(__name__)

Migration = tuple[str, str]  # app, name

_EVERY_SECONDS = 1.0


@cache
def list_required() -> frozenset[Migration]:
    """The migrations of the installed apps, by the names of their files: to import them all would
    take memory in processes that never migrate."""
    required = set()
    for config in apps.get_app_configs():
        module = settings.MIGRATION_MODULES.get(config.label, f"{config.name}.migrations")
        spec = find_spec(module) if module else None
        folders = spec.submodule_search_locations if spec else None
        required |= {
            (config.label, found.name)
            for found in pkgutil.iter_modules(folders or [])
            if not found.ispkg and found.name[0] not in "_~"
        }
    return frozenset(required)


def list_missing() -> list[Migration]:
    """Migrations of this release that the database does not have. Raises Django's errors of the
    database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    except ProgrammingError as error:
        if not isinstance(error.__cause__, UndefinedTable):
            raise
        applied = set()  # nobody has migrated this database yet
    return sorted(list_required() - applied)


class SchemaWatch:
    """Says whether one component may begin, and once in the log why it waits. The database is asked
    at most once a second, and no more when it had everything: a schema only grows."""

    def __init__(self, component: str) -> None:
        self._component = component
        self.forget()

    def forget(self) -> None:
        """Begin again, as in a new process."""
        self.is_complete = False
        self._is_waiting = False
        self._due = 0.0

    def is_ready(self) -> bool:
        """Raises Django's errors of the database."""
        moment = time.monotonic()
        if self.is_complete or moment < self._due:
            return self.is_complete
        missing = list_missing()
        self.is_complete = not missing  # before the time, which has other threads rely on it
        self._due = time.monotonic() + _EVERY_SECONDS
        if missing and not self._is_waiting:
            logger.warning(
                "Waiting for `manage.py migrate`, since the schema is older than this release: "
                "component=%s missing=%d first=%s.%s",
                self._component, len(missing), *missing[0],
            )  # fmt: skip
        elif self._is_waiting and not missing:
            logger.warning("Schema complete: component=%s", self._component)
        self._is_waiting = bool(missing)
        return self.is_complete
