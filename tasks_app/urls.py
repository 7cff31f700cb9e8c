"""Paths of the tasks API."""

from controlplane.core.paths import optional_slash_path as path
from tasks_app import views

urlpatterns = [
    path("tasks", views.TasksView.as_view()),
    path("tasks/bulk", views.TaskBulkView.as_view()),
    path("tasks/actions", views.TaskActionsView.as_view()),
    path("tasks/stats", views.TaskStatsView.as_view()),
    path("tasks/export", views.TaskExportView.as_view()),
    path("tasks/<uuid:id>", views.TaskView.as_view()),
    path("tasks/<uuid:id>/explain", views.TaskExplainView.as_view()),
    path("tasks/<uuid:id>/retry", views.TaskRetryView.as_view()),
    path("tasks/<uuid:id>/run-now", views.TaskRunNowView.as_view()),
    path("task-types", views.TaskTypesView.as_view()),
    path("queues", views.QueuesView.as_view()),
    path("system/nodes", views.NodesView.as_view()),
    path("system/nodes/<int:id>", views.NodeView.as_view()),
    path("system/nodes/<int:id>/samples", views.NodeSamplesView.as_view()),
    path("system/nodes/<int:id>/drain", views.NodeDrainView.as_view()),
    path("health/queue", views.QueueHealthView.as_view()),
    path("system/performance/summary", views.PerformanceView.as_view()),
    path("queues/<str:name>", views.QueueView.as_view()),
]
