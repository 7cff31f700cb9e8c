"""Paths of the dead letters API."""

from controlplane.core.http import routes
from dlq import api

urlpatterns = routes(api.Letters, api.Replays)
