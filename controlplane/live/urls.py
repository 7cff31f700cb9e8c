"""Paths of live topics."""

from controlplane.core.http.verbs import routes
from controlplane.live import api

urlpatterns = routes(api.Topics)
