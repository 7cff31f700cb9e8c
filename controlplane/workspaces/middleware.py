"""Every request has a place for who acts and where."""

from django.http import HttpRequest

from controlplane.core.middleware import PlainMiddleware


class WorkspaceMiddleware(PlainMiddleware):
    """`request.workspace` and `request.actor` are None until authentication has set them."""

    def before(self, request: HttpRequest) -> None:
        """Nobody, nowhere."""
        request.workspace = None  # type: ignore[attr-defined] # our own attribute
        request.actor = None  # type: ignore[attr-defined] # our own attribute
