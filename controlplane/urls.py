"""Every path of the app service."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from controlplane.core.http.problems import (  # noqa: F401 - Django finds them by name
    handler400,
    handler403,
    handler404,
    handler500,
)
from controlplane.ops.configuration.pages import PAGES as SETTINGS
from controlplane.ops.overview.counts import count_for
from controlplane.ops.overview.page import overview
from controlplane.ops.performance.files import PAGES as PERFORMANCE_FILES
from controlplane.ops.performance.page import performance
from controlplane.workspaces.logins import LoginForm, login

admin.site.login_form = LoginForm
admin.site.overview = overview  # type: ignore[attr-defined] # it is a ShellSite
admin.site.performance = performance  # type: ignore[attr-defined] # it is a ShellSite
admin.site.more_pages = (*SETTINGS, *PERFORMANCE_FILES)  # type: ignore[attr-defined] # it is a ShellSite
admin.site.count = count_for  # type: ignore[attr-defined] # it is a ShellSite

# The reference asks for the schema with the reader's session, so a reader without one is led to
# the login instead of to an empty page.
docs = login_required(SpectacularSwaggerSplitView.as_view(url_name="schema"))

admin.autodiscover()


@require_safe
def to_favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages that name no icon, such as a downloaded JSON."""
    return HttpResponseRedirect(static("dashboard/favicon.svg"))


@require_safe
def to_overview(request: HttpRequest) -> HttpResponse:
    """The addresses that people try first."""
    return redirect("admin:index")


urlpatterns = [
    path("", to_overview, name="home"),
    path("dashboard.html", to_overview),
    path("favicon.ico", to_favicon),
    path("admin/login/", login),
    path("admin/", admin.site.urls),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", docs, name="docs"),
    path("", include("controlplane.workspaces.exporting.urls")),
    path("", include("controlplane.workspaces.urls")),
    path("", include("controlplane.live.urls")),
    path("", include("controlplane.ops.health.urls")),
    path("", include("controlplane.ops.operations.urls")),
    path("", include("controlplane.ops.savedviews.urls")),
    path("", include("controlplane.ops.schedules.urls")),
    path("", include("controlplane.ops.stress.urls")),
    path("", include("dlq.urls")),
    path("", include("scaling.urls")),
    path("", include("workflows.urls")),
    path("", include("tasks_app.urls")),
]
