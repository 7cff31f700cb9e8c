"""Steps of workflows that submit a task type."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db.models import Max

from tasks_app.processors.registry import RESERVED
from tasks_app.typeuses import MAX_USES, TypeUse, register
from workflows.models import WorkflowVersion

_MAX_WORKFLOWS = 200


def find(workspaces: Sequence[UUID] | None) -> Iterator[TypeUse]:
    """Those of the newest version of each workflow, of the newest workflows."""
    versions = WorkflowVersion.objects.order_by()
    if workspaces is not None:
        versions = versions.filter(workflow__workspace_id__in=workspaces)
    newest = versions.values("workflow").annotate(newest=Max("id")).order_by("-newest")
    ids = [row["newest"] for row in newest[:_MAX_WORKFLOWS]]
    found = WorkflowVersion.objects.filter(id__in=ids).select_related("workflow")
    uses = 0
    for version in found.order_by("workflow__name", "id"):
        for step in version.definition.get("tasks", []):
            name = f"{version.workflow.name}, step {step.get('key', '')}"
            type_name = step.get("type")
            if uses < MAX_USES and isinstance(type_name, str) and type_name not in RESERVED:
                uses += 1
                key = str(version.workflow_id)
                yield TypeUse(type_name, "workflow step", name, "workflows_workflow", key)


register("workflow step", find)
