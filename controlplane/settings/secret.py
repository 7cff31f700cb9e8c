"""The secret key of local use: made once, kept in the state folder."""

import secrets

from controlplane.embedded import home


def local_secret_key() -> str:
    """The key in `.taskplane/secret_key` (mode 0600), made when there is none."""
    folder = home.ensure_folder(home.home())
    path = folder / "secret_key"
    # Two processes that start at once must agree: who loses the lock reads what the other wrote.
    with home.locked(folder):
        if not path.exists():
            home.write_private(path, secrets.token_urlsafe(50) + "\n")
    return path.read_text(encoding="utf-8").strip()
