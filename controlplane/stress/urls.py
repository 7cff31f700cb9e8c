"""Paths of the stress tests API."""

from controlplane.core.http import routes
from controlplane.stress import api

urlpatterns = routes(api.StressTests)
