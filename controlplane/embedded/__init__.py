"""The embedded Postgres and Valkey of local use.

They are started in `.taskplane/` on loopback, Postgres also on a Unix socket, when the environment
names neither DATABASE_URL nor REDIS_HOST. Ports and passwords are stored there, so that every
process finds the servers.
"""

from pathlib import Path

from controlplane.embedded import home, postgres, valkey
from controlplane.embedded.home import EmbeddedError
from controlplane.embedded.postgres import local_url as postgres_local_url
from controlplane.embedded.postgres import start as ensure_postgres
from controlplane.embedded.postgres import url as postgres_url
from controlplane.embedded.valkey import address as valkey_address
from controlplane.embedded.valkey import start as ensure_valkey

__all__ = [
    "EmbeddedError",
    "ensure_postgres",
    "ensure_valkey",
    "postgres_local_url",
    "postgres_url",
    "require_running",
    "stop_all",
    "valkey_address",
]

_MODULES = {"Postgres": postgres, "Valkey": valkey}


def require_running(
    *, postgres: bool = True, valkey: bool = True, state: Path | None = None
) -> None:
    """Check that the embedded servers run. Raises EmbeddedError: one of the servers asked about
    does not run."""
    at = state or home.home()
    needed = {"Postgres": postgres, "Valkey": valkey}
    missing = [name for name, server in _MODULES.items() if needed[name] and not server.pid(at)]
    if missing:
        verb = "are" if len(missing) > 1 else "is"
        raise EmbeddedError(
            f"{' and '.join(missing)} of this project {verb} not running: "
            "run ./scripts/up first, or set DATABASE_URL and REDIS_HOST."
        )


def stop_all(state: Path | None = None) -> None:
    at = state or home.home()
    valkey.stop(at)
    postgres.stop(at)
