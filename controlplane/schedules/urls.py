"""Paths of the schedules API."""

from controlplane.core.paths import optional_slash_path as path
from controlplane.schedules import views

urlpatterns = [
    path("cron/jobs", views.JobsView.as_view()),
    path("cron/jobs/<uuid:id>", views.JobView.as_view()),
    path("cron/jobs/<uuid:id>/executions", views.ExecutionsView.as_view()),
    path("cron/jobs/<uuid:id>/trigger", views.TriggerView.as_view()),
    path("cron/preview", views.PreviewView.as_view()),
]
