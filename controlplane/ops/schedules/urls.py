"""Paths of the schedules API."""

from controlplane.core.http.verbs import routes
from controlplane.ops.schedules import api

urlpatterns = routes(api.Jobs)
