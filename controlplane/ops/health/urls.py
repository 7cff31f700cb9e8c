"""Paths of health and metrics."""

from controlplane.core.http.verbs import routes
from controlplane.ops.health import api

urlpatterns = routes(api.Probes, api.Metrics, api.Detailed)
