"""Paths of the dead letters API."""

from controlplane.core.http.verbs import routes
from dlq import api

urlpatterns = routes(api.Letters, api.Replays)
