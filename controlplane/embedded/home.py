"""The folder `.taskplane/`: where the embedded servers, their ports and their secrets are kept."""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent


class EmbeddedError(Exception):
    """An embedded server cannot be used; the message is one sentence that says what to do."""


def home() -> Path:
    """The state folder: TASKPLANE_HOME, or `.taskplane` in the project."""
    return Path(os.environ.get("TASKPLANE_HOME") or PROJECT / ".taskplane").resolve()


def ensure_folder(path: Path, mode: int = 0o755) -> Path:
    """Make the folder (and its parents) when it is not there; returns it."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    return path


def read_json(path: Path) -> dict[str, Any]:
    """The object kept in the file; empty when there is none or it was cut short."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Write the file so that nobody else can read it and no reader ever sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Keep the object in the file, mode 0600."""
    write_private(path, json.dumps(value, indent=2) + "\n")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two processes never start the same server at once."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
