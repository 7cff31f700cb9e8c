"""Paths of saved views."""

from controlplane.core.http.verbs import routes
from controlplane.ops.savedviews import api

urlpatterns = routes(api.SavedViews)
