"""Paths of health and metrics."""

from controlplane.core.paths import optional_slash_path as path
from controlplane.health import views

urlpatterns = [
    path("health", views.HealthView.as_view()),
    path("health/detailed", views.DetailedHealthView.as_view()),
    path("health/live", views.LivenessView.as_view()),
    path("health/ready", views.ReadinessView.as_view()),
    path("metrics", views.MetricsView.as_view()),
]
