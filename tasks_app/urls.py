"""Paths of the tasks API."""

from controlplane.core.http.verbs import routes
from tasks_app import api

urlpatterns = routes(api.Tasks, api.TaskTypes, api.Nodes, api.System, api.Queues)
