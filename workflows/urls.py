"""Paths of the workflows API."""

from controlplane.core.paths import optional_slash_path as path
from workflows import views

urlpatterns = [
    path("workflows", views.WorkflowsView.as_view()),
    path("workflows/validate", views.WorkflowValidateView.as_view()),
    path("workflows/runs", views.RunsView.as_view()),
    path("workflows/runs/<uuid:id>", views.RunView.as_view()),
    path("workflows/runs/<uuid:id>/cancel", views.RunCancelView.as_view()),
    path("workflows/runs/<uuid:id>/retry", views.RunRetryView.as_view()),
    path("workflows/runs/<uuid:id>/rerun", views.RunRerunView.as_view()),
    path("workflows/runs/<uuid:id>/steps/<str:key>", views.StepView.as_view()),
    path("workflows/runs/<uuid:id>/steps/<str:key>/approve", views.StepApproveView.as_view()),
    path("workflows/runs/<uuid:id>/steps/<str:key>/reject", views.StepRejectView.as_view()),
    path("workflows/<uuid:id>", views.WorkflowView.as_view()),
    path("workflows/<uuid:id>/versions", views.WorkflowVersionsView.as_view()),
    path("workflows/<uuid:id>/execute", views.WorkflowExecuteView.as_view()),
    path("workflows/<uuid:id>/status", views.WorkflowStatusView.as_view()),
    path("workflows/<uuid:id>/runs", views.WorkflowRunsView.as_view()),
]
