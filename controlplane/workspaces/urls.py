"""Paths of the workspaces API."""

from controlplane.core.http.verbs import routes
from controlplane.workspaces import openapi, views

__all__ = ["openapi", "urlpatterns"]

urlpatterns = routes(views.Workspaces)
