"""Paths of the API of auto-scaling."""

from controlplane.core.http.paths import optional_slash_path as path
from scaling.api import views

urlpatterns = [
    path("auto-scaling/config", views.ConfigurationView.as_view()),
    path("auto-scaling/metric", views.MetricView.as_view()),
    path("auto-scaling/release", views.ReleaseView.as_view()),
    path("auto-scaling/scale", views.ScaleView.as_view()),
    path("auto-scaling/status", views.StatusView.as_view()),
    path("health/scaling-events", views.EventsView.as_view()),
    path("health/scaling-events/<uuid:id>", views.EventView.as_view()),
]
