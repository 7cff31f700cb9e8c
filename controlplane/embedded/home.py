"""The folder `.taskplane/`: the data, ports and secrets of the embedded servers."""

import contextlib
import fcntl
import json
import os
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.embedded import processes

CREDENTIALS_FILE = "credentials.env"
_HEAD = "# Created by ./scripts/up. Anybody who can read this file is an admin of this Taskplane.\n"

PORT_TRIES = 3
PROJECT = Path(__file__).resolve().parent.parent.parent


class EmbeddedError(Exception):
    """An embedded server cannot be used; the message is one sentence that says what to do."""


def home() -> Path:
    """The state folder: TASKPLANE_HOME, or `.taskplane` in the project."""
    return Path(os.environ.get("TASKPLANE_HOME") or PROJECT / ".taskplane").resolve()


def ensure_folder(path: Path, mode: int = 0o755) -> Path:
    """Create the folder and its parents unless they exist. Returns the folder."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    return path


def read_json(path: Path) -> dict[str, Any]:
    """The object stored in the file; empty if there is none, or it is incomplete."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Write the file atomically, readable by this user only."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Store the object in the file, mode 0600."""
    write_private(path, json.dumps(value, indent=2) + "\n")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two processes never start the same server at once."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start_on_port(file: Path, start: Callable[[int], str | None]) -> str | None:
    """Start a server on the port that the file remembers, or else on a free one, which the file
    then remembers. `start` returns why it did not start, as this does for the last try."""
    reason = None
    for _ in range(PORT_TRIES):
        kept = read_json(file)
        port = processes.remembered_or_free(kept.get("port"))
        if kept.get("port") != port:  # on a full disk nothing is written without need
            write_json(file, {**kept, "port": port})
        reason = start(port)
        # Another program may have taken the port since it was looked at.
        if reason is None or processes.is_free(port):
            break
    return reason


@dataclass(frozen=True)
class Credentials:
    """The credentials of a client, under their names in the file."""

    url: str
    api_key: str
    admin_user: str
    admin_password: str


def write_credentials(state: Path, credentials: Credentials) -> Path:
    """Store them, readable by this user only. Returns the file."""
    values = {
        "TASKPLANE_URL": credentials.url,
        "TASKPLANE_API_KEY": credentials.api_key,
        "TASKPLANE_ADMIN_USER": credentials.admin_user,
        "TASKPLANE_ADMIN_PASSWORD": credentials.admin_password,
    }
    path = state / CREDENTIALS_FILE
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in values.items()]
    write_private(path, _HEAD + "".join(lines))
    return path


def read_credentials(state: Path) -> Credentials | None:
    """The stored credentials; None if there is no file, or it is incomplete."""
    try:
        words = shlex.split((state / CREDENTIALS_FILE).read_text(encoding="utf-8"), comments=True)
    except (FileNotFoundError, ValueError):
        return None
    values = dict(word.split("=", 1) for word in words if "=" in word)
    found = [
        values.get(f"TASKPLANE_{name}")
        for name in ("URL", "API_KEY", "ADMIN_USER", "ADMIN_PASSWORD")
    ]
    if not all(found):
        return None
    return Credentials(*[str(value) for value in found])
