"""Local use: everything is embedded unless the environment names servers."""

import secrets

from controlplane.embedded import home
from controlplane.settings.base import *
from controlplane.settings.env import env


def local_secret_key() -> str:
    """The key in `.taskplane/secret_key` (mode 0600), created if there is none."""
    folder = home.ensure_folder(home.home())
    path = folder / "secret_key"
    # Two processes that start at once must agree: who loses the lock reads what the other wrote.
    with home.locked(folder):
        if not path.exists():
            home.write_private(path, secrets.token_urlsafe(50) + "\n")
    return path.read_text(encoding="utf-8").strip()


DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.text("DJANGO_SECRET_KEY") or local_secret_key()
