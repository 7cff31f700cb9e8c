"""Paths of the workspaces API."""

from controlplane.core.http.verbs import routes
from controlplane.workspaces import api, openapi

__all__ = ["openapi", "urlpatterns"]

urlpatterns = routes(api.Workspaces)
