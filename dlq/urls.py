"""Paths of the dead letters API."""

from controlplane.core.http.verbs import routes
from dlq import api, groupapi

urlpatterns = routes(api.Letters, groupapi.Groups, api.Replays)
