"""Every path of the app service."""

from importlib.util import find_spec

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

APPS = ("controlplane.workspaces", "controlplane.health", "tasks_app", "workers")


def _has_urls(app: str) -> bool:
    return find_spec(app) is not None and find_spec(f"{app}.urls") is not None


# The reference asks for the schema with the reader's session, so a reader without one is led to
# the login instead of to an empty page.
docs = login_required(SpectacularSwaggerView.as_view(url_name="schema"))

urlpatterns = [
    path("admin/", admin.site.urls),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", docs, name="docs"),
    *[path("", include(f"{app}.urls")) for app in APPS if _has_urls(app)],
]
