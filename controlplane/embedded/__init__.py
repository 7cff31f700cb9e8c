"""The embedded Postgres and Valkey of local use.

They are started in `.taskplane/` on loopback when the environment names neither DATABASE_URL nor
REDIS_HOST. Ports and passwords are remembered there, so that every process finds the servers.
"""

from pathlib import Path

from controlplane.embedded import home, postgres, valkey
from controlplane.embedded.home import EmbeddedError

__all__ = [
    "EmbeddedError",
    "ensure_postgres",
    "ensure_valkey",
    "postgres_url",
    "require_running",
    "stop_all",
    "valkey_address",
]


def ensure_postgres(state: Path | None = None) -> str:
    """Start the embedded Postgres unless it runs; returns its URL.

    Raises:
        EmbeddedError: it cannot be started; the message says what to do.
    """
    return postgres.start(state or home.home())


def ensure_valkey(state: Path | None = None) -> tuple[str, int]:
    """Start the embedded Valkey unless it runs; returns host and port.

    Raises:
        EmbeddedError: it cannot be started; the message says what to do.
    """
    return valkey.start(state or home.home())


def postgres_url(state: Path | None = None) -> str | None:
    """The remembered URL, whether or not the server runs now; None before its first start."""
    return postgres.url(state or home.home())


def valkey_address(state: Path | None = None) -> tuple[str, int] | None:
    """The remembered host and port, whether or not the server runs now."""
    return valkey.address(state or home.home())


def require_running(
    *, postgres: bool = True, valkey: bool = True, state: Path | None = None
) -> None:
    """Check that the embedded servers run.

    Raises:
        EmbeddedError: one of the servers asked about does not run.
    """
    at = state or home.home()
    asked = [("Postgres", _postgres_pid(at), postgres), ("Valkey", _valkey_pid(at), valkey)]
    missing = [name for name, pid, needed in asked if needed and pid is None]
    if missing:
        verb = "are" if len(missing) > 1 else "is"
        raise EmbeddedError(
            f"{' and '.join(missing)} of this project {verb} not running: "
            "run ./scripts/up first, or set DATABASE_URL and REDIS_HOST."
        )


def _postgres_pid(state: Path) -> int | None:
    return postgres.pid(state)


def _valkey_pid(state: Path) -> int | None:
    return valkey.pid(state)


def stop_all(state: Path | None = None) -> None:
    at = state or home.home()
    valkey.stop(at)
    postgres.stop(at)
