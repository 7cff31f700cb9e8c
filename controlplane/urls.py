"""Every path of the app service."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

APPS = ("controlplane.workspaces", "controlplane.health", "tasks_app", "workers")

urlpatterns = [
    path("admin/", admin.site.urls),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    *[
        path("", include(f"{app}.urls"))
        for app in APPS
        if find_spec(app) and find_spec(f"{app}.urls")
    ],
]
