"""The file `.taskplane/credentials.env`: how a person or a script on this machine gets in."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from controlplane.embedded import home

FILE = "credentials.env"
_HEAD = "# Made by ./scripts/up. Whoever can read this file is an admin of this Taskplane.\n"


@dataclass(frozen=True)
class Credentials:
    """What gets a client in, under the names that it has in the file."""

    url: str
    api_key: str
    admin_user: str
    admin_password: str


def write(state: Path, credentials: Credentials) -> Path:
    """Keep them, readable by this user only; returns the file."""
    values = {
        "TASKPLANE_URL": credentials.url,
        "TASKPLANE_API_KEY": credentials.api_key,
        "TASKPLANE_ADMIN_USER": credentials.admin_user,
        "TASKPLANE_ADMIN_PASSWORD": credentials.admin_password,
    }
    path = state / FILE
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in values.items()]
    home.write_private(path, _HEAD + "".join(lines))
    return path


def read(state: Path) -> Credentials | None:
    """The ones that were kept; None when there is no file or something is missing in it."""
    try:
        words = shlex.split((state / FILE).read_text(encoding="utf-8"), comments=True)
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
