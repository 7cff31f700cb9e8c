"""Paths of the workflows API."""

from controlplane.core.http import routes
from workflows import views

urlpatterns = routes(views.Runs, views.Workflows)
