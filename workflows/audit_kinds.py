"""Workflows and their runs in the audit log."""

from controlplane.workspaces.audit.kinds import Kind, register
from workflows.models import Workflow, WorkflowRun

register(
    Kind(
        target="workflow",
        noun="workflow",
        plural="workflows",
        icon="workflows",
        page="workflows_workflow",
        rows=Workflow.objects.all,
        label="name",
        verbs={
            "workflow.create": "created",
            "workflow.update": "changed",
            "workflow.delete": "deleted",
        },
    ),
    Kind(
        target="workflow_run",
        noun="workflow run",
        plural="workflow runs",
        icon="workflows",
        page="workflows_workflowrun",
        rows=WorkflowRun.objects.all,
        label="workflow__name",
        verbs={
            "workflow.execute": "started",
            "workflow.cancel": "cancelled",
            "workflow.retry": "retried",
            "workflow.approve": "approved a step of",
            "workflow.reject": "rejected a step of",
        },
    ),
)
