"""Paths of the workflows API."""

from controlplane.core.http.verbs import routes
from workflows import views

urlpatterns = routes(views.Runs, views.Workflows)
