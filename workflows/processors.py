"""The processor `workflow-join`, which runs when the work of a step has ended."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tasks_app.processors import Context, RetryPolicy, processor


class JoinPayload(BaseModel):
    """The run and the step."""

    model_config = ConfigDict(extra="forbid")

    run_id: UUID = Field(alias="runId", description="The run.")
    step_key: str = Field(alias="stepKey", max_length=100, description="The step that has ended.")


@processor(
    "workflow-join",
    queue="workflows",
    payload=JoinPayload,
    max_attempts=25,
    timeout_seconds=600,
    internal=True,
    retry=RetryPolicy(base_ms=500, max_ms=60_000, jitter=0.5),
)
def join(ctx: Context, payload: JoinPayload) -> dict[str, bool]:
    """Close a step of a workflow run whose tasks have ended, and start its dependents."""
    # Imported here: every command registers this type, and only workers run it, which import this
    # at their start (workflows.tasks).
    from workflows.runs import advance_run

    closed = advance_run(
        payload.run_id, payload.step_key, workspace_id=ctx.workspace_id, join_id=ctx.task_id
    )
    return {"closed": closed}
