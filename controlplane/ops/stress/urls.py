"""Paths of the stress tests API."""

from controlplane.core.http.verbs import routes
from controlplane.ops.stress import api

urlpatterns = routes(api.StressTests)
