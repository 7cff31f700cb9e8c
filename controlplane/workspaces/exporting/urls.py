"""Paths of the exports. They come before those of the lists, some of which take any name."""

from controlplane.core.http.verbs import routes
from controlplane.workspaces.exporting.api import export_views

urlpatterns = routes(*export_views())
