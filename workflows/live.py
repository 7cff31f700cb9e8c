"""Live topic: one workflow run."""

from uuid import UUID

from controlplane.core.schema import field_names, represent
from controlplane.live.changes import Snapshot
from controlplane.live.topics import WATCHER, Topic, read_uuid, register, rows
from workflows import queries
from workflows.schema.runs import MAX_STEPS_SHOWN, Run, StepDetail

_RUN_FIELDS = tuple(name for name in field_names(Run) if name != "input")
# Results may be large, and come with the page of the run.
_LEFT_OUT = {"taskIds", "result", "dependsOn"}
_STEP_FIELDS = tuple(name for name in field_names(StepDetail) if name not in _LEFT_OUT)


def read_run(workspace_id: UUID, key: str) -> Snapshot:
    """The run with its first steps, in topological order, by their keys."""
    view = queries.describe_run(queries.get_run(workspace_id, UUID(key)))
    steps = view.steps[:MAX_STEPS_SHOWN]
    return {
        **represent(Run, view, WATCHER, fields=_RUN_FIELDS),
        "steps": rows(
            (step.key, represent(StepDetail, step, WATCHER, fields=_STEP_FIELDS)) for step in steps
        ),
    }


register(Topic("workflow-run:<id>", read=read_run, resource="workflows", read_key=read_uuid))
