"""Paths of the workflows API."""

from controlplane.core.http.verbs import routes
from workflows import api

urlpatterns = routes(api.Runs, api.Workflows)
