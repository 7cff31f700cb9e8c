"""Paths of health and metrics."""

from controlplane.core.http.verbs import routes
from controlplane.ops.health import views

urlpatterns = routes(views.Probes, views.Metrics, views.Detailed)
