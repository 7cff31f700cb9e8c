"""The identity of a Prometheus that monitors the installation, not a workspace."""

import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from controlplane.workspaces.actors import Actor
from controlplane.workspaces.authentication import SCHEME
from controlplane.workspaces.states import ActorKind, Role

SCRAPER = Actor(
    kind=ActorKind.SYSTEM.value,
    id="metrics-token",
    label="METRICS_TOKEN",
    role=Role.VIEWER,
    scopes=frozenset({"metrics:read"}),
)


class MetricsTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <METRICS_TOKEN>`, if that is set. It belongs to no workspace."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Actor] | None:
        """The scraper; None for any other token, so that it is tried as a key."""
        wanted: str = settings.TASKPLANE["METRICS_TOKEN"]
        scheme, _, given = request.headers.get("Authorization", "").strip().partition(" ")
        if not wanted or scheme.lower() != SCHEME.lower():
            return None
        if not hmac.compare_digest(given.strip().encode(), wanted.encode()):
            return None
        plain: Any = request._request
        plain.workspace, plain.actor = None, SCRAPER
        return AnonymousUser(), SCRAPER

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="taskplane"'


class MetricsTokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI schema describes it."""

    target_class = MetricsTokenAuthentication
    name = "metricsToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}
