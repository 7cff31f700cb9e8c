"""Paths that answer with and without their last slash, and stand in the schema once."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern
from django.urls.resolvers import RoutePattern


class _OptionalSlash(RoutePattern):
    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        return super().match(path.removesuffix("/"))


def optional_slash_path(
    route: str, view: Callable[..., Any], name: str | None = None
) -> URLPattern:
    """Like `django.urls.path`; the route is written without the last slash."""
    return URLPattern(_OptionalSlash(route, name=name, is_endpoint=True), view, name=name)
