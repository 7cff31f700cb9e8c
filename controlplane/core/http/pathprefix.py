"""The path below which a proxy serves the installation, TASKPLANE_PATH_PREFIX. The proxy may strip
it or not."""

from django.conf import settings
from django.core.handlers.asgi import get_script_prefix as get_prefix_of
from django.http import HttpRequest
from django.urls import get_script_prefix

from controlplane.core.http.messages import App, Receive, Scope, Send


def make_address(request: HttpRequest, path: str = "") -> str:
    """The whole address of a path of this installation, such as `tasks`, for the client of the
    request."""
    return request.build_absolute_uri(get_script_prefix() + path)


def below_prefix(app: App) -> App:
    """The application, for which every path has the prefix. Django would otherwise take a path that
    the proxy has stripped for the whole path of the request, and lead to it."""
    prefix = settings.FORCE_SCRIPT_NAME
    if not prefix:
        return app

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", prefix)
        if path != prefix and not path.startswith(f"{prefix}/"):
            scope = {**scope, "path": f"{prefix}{path}"}
        await app(scope, receive, send)

    return serve


def path_within(scope: Scope) -> str:
    """The path of a request or a socket, without the prefix."""
    path: str = scope["path"]
    prefix: str = get_prefix_of(scope).rstrip("/")
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path
