"""How the OpenAPI schema describes identity. Importing it registers it."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from controlplane.workspaces.authentication import ApiKeyAuthentication, SessionAuthentication


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI schema describes a key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tp_…"}


class SessionScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI schema describes a session."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
