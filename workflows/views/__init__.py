"""The HTTP API of workflows and their runs."""

from workflows.views.definitions import (
    WorkflowExecuteView,
    WorkflowStatusView,
    WorkflowsView,
    WorkflowValidateView,
    WorkflowVersionsView,
    WorkflowView,
)
from workflows.views.runs import (
    RunCancelView,
    RunRerunView,
    RunRetryView,
    RunsView,
    RunView,
    StepApproveView,
    StepRejectView,
    StepView,
    WorkflowRunsView,
)

__all__ = [
    "RunCancelView",
    "RunRerunView",
    "RunRetryView",
    "RunView",
    "RunsView",
    "StepApproveView",
    "StepRejectView",
    "StepView",
    "WorkflowExecuteView",
    "WorkflowRunsView",
    "WorkflowStatusView",
    "WorkflowValidateView",
    "WorkflowVersionsView",
    "WorkflowView",
    "WorkflowsView",
]
