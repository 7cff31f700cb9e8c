"""Paths of the schedules API."""

from controlplane.core.http import routes
from controlplane.schedules import views

urlpatterns = routes(views.Jobs)
