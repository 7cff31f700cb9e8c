"""Workflows and their runs in the audit log."""

from controlplane.workspaces.audit.kinds import Kind, common_verbs, register
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
        verbs=common_verbs("workflow.", "create", "update", "delete"),
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
            **common_verbs("workflow.", "cancel", "retry"),
            "workflow.approve": "approved a step of",
            "workflow.reject": "rejected a step of",
        },
    ),
)
