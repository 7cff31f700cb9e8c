"""Paths of the schedules API."""

from controlplane.core.http.verbs import routes
from controlplane.ops.schedules import views

urlpatterns = routes(views.Jobs)
