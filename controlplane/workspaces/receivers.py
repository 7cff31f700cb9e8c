"""What happens after `migrate` and `flush`."""

from typing import Any

from controlplane.workspaces import services


def make_default_workspace(*, using: str, **_: Any) -> None:
    """The migration makes it; this brings it back after `flush`."""
    services.ensure_default_workspace(using=using)
