"""Paths of bulk operations."""

from controlplane.core.http.verbs import routes
from controlplane.ops.operations import api

urlpatterns = routes(api.Operations)
