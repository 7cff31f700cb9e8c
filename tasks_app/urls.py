"""Paths of the tasks API."""

from controlplane.core.http.verbs import routes
from tasks_app import views

urlpatterns = routes(
    views.TaskExport, views.Tasks, views.TaskTypes, views.Nodes, views.System, views.Queues
)
