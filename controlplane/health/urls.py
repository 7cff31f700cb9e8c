"""Paths of health and metrics."""

from controlplane.core.http import routes
from controlplane.health import views

urlpatterns = routes(views.Probes, views.Metrics, views.Detailed)
