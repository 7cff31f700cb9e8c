"""Where the data is: DATABASE_URL, or the embedded Postgres."""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from controlplane import embedded
from controlplane.settings.env import env

_SCHEMES = ("postgres", "postgresql")
_DATABASE_URL = env.url("DATABASE_URL", schemes=_SCHEMES)

# A forgotten transaction pins vacuum for every queue; a runaway query starves the claims.
STATEMENT_TIMEOUT_MS = env.integer(
    "TASKPLANE_STATEMENT_TIMEOUT", 30_000, minimum=0, maximum=3_600_000
)
IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000
# A server that vanished without a word is noticed within half a minute: by the system's own values
# it would take from 15 minutes (something was sent) to two hours, and everything would hang.
_NOTICE_SILENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
PREPARES_STATEMENTS = env.flag("DATABASE_PREPARED_STATEMENTS", True)

EMBEDDED_POSTGRES = not _DATABASE_URL


def parse_database_url(url: str, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Django's form of a libpq address; what Django has no key for becomes an option. Raises
    ImproperlyConfigured: it is not an address of a database."""
    try:
        found = dict(conninfo_to_dict(url))
    except ProgrammingError:
        found = {}
    if not found.get("dbname"):
        raise ImproperlyConfigured(
            f"{name} is not the address of a database: it must be like "
            "postgres://user:password@host:5432/name."
        )
    return {
        "ENGINE": "controlplane.core.postgres",
        "NAME": found.pop("dbname"),
        "USER": found.pop("user", ""),
        "PASSWORD": found.pop("password", ""),
        "HOST": found.pop("host", ""),
        "PORT": str(found.pop("port", "") or ""),
        "OPTIONS": found,
    }


def add_password(database: dict[str, Any], password: str) -> dict[str, Any]:
    """The password of DATABASE_PASSWORD, for an address without one. Raises ImproperlyConfigured:
    the address has one, too."""
    if not password:
        return database
    if database["PASSWORD"]:
        raise ImproperlyConfigured(
            "DATABASE_URL contains a password and DATABASE_PASSWORD is set: set only one."
        )
    return {**database, "PASSWORD": password}


def _connection() -> dict[str, Any]:
    # Before the first start there is no address: a port nobody listens on fails at once, and
    # manage.py then shows what to do.
    nowhere = "postgres://taskplane@127.0.0.1:1/taskplane"
    url = _DATABASE_URL or embedded.postgres_local_url() or nowhere
    database = add_password(parse_database_url(url), env.text("DATABASE_PASSWORD"))
    # Statements are prepared when they come again: only those of `prepared_cursor`, since Django's
    # own cursors put the values into the text.
    prepare = {"prepare_threshold": 2} if PREPARES_STATEMENTS else {}
    options: dict[str, Any] = {**_NOTICE_SILENCE, **prepare, **database["OPTIONS"]}
    # The zone that Django wants, so that a session which is reset keeps it.
    session = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} "
        "-c TimeZone=UTC"
    )
    options["options"] = f"{session} {options.get('options', '')}".strip()
    return {**database, "OPTIONS": options, "ATOMIC_REQUESTS": False}


def databases() -> dict[str, Any]:
    """`default`, and `engine`: the same database, on a connection that the engine keeps."""
    default = _connection() | {"CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 60}
    # Celery closes Django's connections around every task; the worker's hot path must not pay that.
    engine = _connection() | {"CONN_MAX_AGE": None, "TEST": {"MIRROR": "default"}}
    if os.environ.get("TASKPLANE_COMPONENT") == "app":
        # Only the app has many short-lived threads. A pool before a fork would be a shared socket.
        # After reconnect_timeout a lost connection's place is free for the next request, which
        # connects at once: the pool's own attempts back off, in the end for minutes.
        pool = {"min_size": 2, "max_size": 20, "timeout": 2, "reconnect_timeout": 2}
        default["CONN_HEALTH_CHECKS"] = False  # the backend checks what it takes from the pool
        default["CONN_MAX_AGE"] = 0
        default["OPTIONS"] = {**default["OPTIONS"], "pool": pool}
    return {"default": default, "engine": engine}


DATABASES = databases()
