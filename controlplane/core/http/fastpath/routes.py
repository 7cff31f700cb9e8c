"""The routes of the fast path: verbs that return JSON and are open to API keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern
from rest_framework.settings import api_settings

from controlplane.core.http.verbs import Verb, Views

Found = tuple["Route", dict[str, Any]]
_VIEW_SETTINGS = {
    "authentication_classes": "DEFAULT_AUTHENTICATION_CLASSES",
    "permission_classes": "DEFAULT_PERMISSION_CLASSES",
    "parser_classes": "DEFAULT_PARSER_CLASSES",
    "renderer_classes": "DEFAULT_RENDERER_CLASSES",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A method at a path. `headers` are those of each response of the REST framework."""

    path: str
    view: type[Views]
    options: Mapping[str, Any]
    action_map: Mapping[str, str]
    action: str
    verb: Verb
    handler: Any
    headers: tuple[tuple[bytes, bytes], ...]

    def make_view(self, request: Any, parts: Mapping[str, Any]) -> Any:
        """The view of one request."""
        view: Any = self.view(**self.options)
        view.action_map, view.action = self.action_map, self.action
        view.request, view.args, view.kwargs = request, (), parts
        return view


class Router:
    """Finds routes as the resolver of the URLs does: the first pattern that matches wins."""

    def __init__(self, resolver: URLResolver) -> None:
        self._by_segment: dict[str, list[URLPattern | URLResolver]] = {}
        self._routes: dict[int, dict[str, Route]] = {}
        patterns = list(_flatten(resolver))
        segments = {segment for each in patterns if (segment := _first_segment(each))}
        for segment in segments:
            self._by_segment[segment] = [
                each for each in patterns if _first_segment(each) in (segment, None)
            ]
        for each in patterns:
            if isinstance(each, URLPattern):
                self._routes[id(each)] = _routes_of(each)
        self._static = dict(self._list_static())

    def find_static(self, method: str, path: str) -> Route | None:
        """The route of a path without variable parts."""
        return self._static.get((method, path))

    def find(self, method: str, path: str) -> Found | None:
        """The route and the variable parts of the path; None: Django decides."""
        relative = path[1:]
        for each in self._by_segment.get(relative.partition("/")[0], ()):
            match = each.pattern.match(relative)
            if match is None:
                continue
            route = self._routes.get(id(each), {}).get(method)
            return None if route is None else (route, match[2])
        return None

    def _list_static(self) -> Iterator[tuple[tuple[str, str], Route]]:
        for routes in self._routes.values():
            for method, route in routes.items():
                found = self.find(method, "/" + route.path)
                if "<" not in route.path and found and found[0] is route:
                    yield (method, "/" + route.path), route


def _flatten(resolver: URLResolver) -> Iterator[URLPattern | URLResolver]:
    """The patterns in their order; those under a prefix are together one."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver) and not str(each.pattern):
            yield from _flatten(each)
        else:
            yield each


def _first_segment(each: URLPattern | URLResolver) -> str | None:
    """The beginning of its path; None if it varies."""
    if not isinstance(each.pattern, RoutePattern):
        return None
    segment = str(each.pattern).partition("/")[0]
    return None if "<" in segment else segment


def _routes_of(pattern: URLPattern) -> dict[str, Route]:
    """By method."""
    callback: Any = pattern.callback
    view = getattr(callback, "cls", None)
    if view is None or not issubclass(view, Views) or not _has_default_access(view):
        return {}
    found = {}
    for method, action in callback.actions.items():
        run = getattr(view, action)
        if method in ("get", "post", "put", "patch", "delete") and run.verb.is_json:
            found[method.upper()] = Route(
                path=str(pattern.pattern),
                view=view,
                options=callback.initkwargs,
                action_map=callback.actions,
                action=action,
                verb=run.verb,
                handler=run.__wrapped__,
                headers=_headers_of(callback.actions),
            )
    return found


def _has_default_access(view: type[Views]) -> bool:
    return all(
        getattr(view, name) == getattr(api_settings, setting)
        for name, setting in _VIEW_SETTINGS.items()
    )


def _headers_of(actions: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """As APIView and ApiView set them."""
    taken = {*actions, "options", *(["head"] if "get" in actions else [])}
    allowed = ", ".join(name.upper() for name in Views.http_method_names if name in taken)
    return (
        (b"allow", allowed.encode()),
        (b"vary", b"Accept"),
        (b"cache-control", b"private, no-store"),
    )
