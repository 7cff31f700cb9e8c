"""Paths of the workspaces API."""

from controlplane.core.paths import optional_slash_path as path
from controlplane.workspaces import openapi, views

__all__ = ["openapi", "urlpatterns"]

urlpatterns = [
    path("workspaces/current", views.CurrentWorkspaceView.as_view()),
    path("api-keys", views.ApiKeysView.as_view()),
    path("api-keys/<uuid:id>", views.ApiKeyView.as_view()),
    path("audit", views.AuditView.as_view()),
]
