"""Paths of the API of auto-scaling."""

from controlplane.core.http.verbs import routes
from scaling import api

urlpatterns = routes(api.Fleet, api.Events)
