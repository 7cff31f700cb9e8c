"""Writes of definitions: each change creates a version, and runs keep the version that they started
with."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, NotFound
from controlplane.core.ids import uuid7
from controlplane.core.jsonb import is_same_json
from controlplane.core.names import canonical_name
from controlplane.core.sql import release_connection
from controlplane.workspaces.actors import RUN_WORKFLOWS, SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.services import record_audit
from workflows.definitions import Definition, parse_definition
from workflows.models import Workflow, WorkflowVersion
from workflows.queries import get_version, get_workflow
from workflows.sub_workflows import check_sub_workflows, lock_references, refuse_orphans


def validate_workflow(*, workspace_id: UUID, body: Mapping[str, Any]) -> Definition:
    """Check a workflow with this name without storing it. Raises Invalid, TooLarge."""
    definition = _parse(body)
    check_sub_workflows(workspace_id, canonical_name(body["name"]), definition)
    return definition


def prepare_workflow(*, body: Mapping[str, Any], actor: Actor) -> Definition:
    """The checks of create_workflow that need no database. Raises Invalid, TooLarge, and Forbidden
    when the actor's key could not submit the steps' tasks."""
    require_scopes(actor, RUN_WORKFLOWS, SUBMIT_TASKS)
    return _parse(body)


def create_workflow(
    *,
    workspace_id: UUID,
    body: Mapping[str, Any],
    actor: Actor,
    definition: Definition | None = None,
) -> Workflow:
    """A new workflow with its first version. `definition` is that of prepare_workflow, when the
    caller has it already.

    Raises Conflict for a name that is taken, and what prepare_workflow raises.
    """
    definition = definition or prepare_workflow(body=body, actor=actor)
    with transaction.atomic():
        name = canonical_name(body["name"])
        workflow_id = uuid7()
        lock_references(workspace_id)
        check_sub_workflows(workspace_id, name, definition, workflow_id)
        workflow = Workflow(
            id=workflow_id,
            workspace_id=workspace_id,
            name=name,
            sub_workflows=[sub.workflow for sub in definition.sub_workflows],
            description=body.get("description") or "",
            created_by=actor.label,
        )
        _save(workflow, is_new=True)
        _add_version(workflow, definition, actor)
        _audit(workflow, actor, "workflow.create", steps=len(definition.steps))
    return workflow


def get_created(workspace_id: UUID, workflow_id: UUID) -> Workflow:
    """The workflow that a call, or the first one under its idempotency key, created. Raises
    Conflict when it is deleted."""
    try:
        return get_workflow(workspace_id, workflow_id)
    except NotFound as error:
        raise Conflict(
            "The idempotency key was used for a workflow that is deleted. Use a new key."
        ) from error


def update_workflow(
    *, workspace_id: UUID, workflow_id: UUID, body: Mapping[str, Any], actor: Actor
) -> Workflow:
    """Replace a workflow: a changed definition is its next version; runs keep theirs.

    Raises NotFound, Invalid, TooLarge, Conflict for a name that is taken, or another name while
    steps of others name the old one, and Forbidden when the actor's key could not submit the steps'
    tasks.
    """
    require_scopes(actor, RUN_WORKFLOWS, SUBMIT_TASKS)
    definition = _parse(body)
    name = canonical_name(body["name"])
    with transaction.atomic():
        lock_references(workspace_id)
        workflow = _lock(workspace_id, workflow_id)
        check_sub_workflows(workspace_id, name, definition, workflow_id)
        refuse_orphans(workflow, new_name=name)
        is_changed = not is_same_json(get_version(workflow).definition, _stored(definition))
        before = {name: getattr(workflow, name) for name in ("name", "version", "description")}
        workflow.name = name
        workflow.sub_workflows = [sub.workflow for sub in definition.sub_workflows]
        workflow.description = body.get("description") or ""
        workflow.updated_at = now()
        workflow.version += is_changed
        _save(workflow, is_new=False)
        if is_changed:
            _add_version(workflow, definition, actor)
        _audit(
            workflow,
            actor,
            "workflow.update",
            steps=len(definition.steps),
            description=workflow.description,
            before=before,
        )
    return workflow


def delete_workflow(*, workspace_id: UUID, workflow_id: UUID, actor: Actor) -> None:
    """Delete a workflow: its name becomes free, and it can no longer be started; its open runs
    continue, and all runs are kept. Raises NotFound, and Conflict while steps of other workflows
    run it.
    """
    with transaction.atomic():
        lock_references(workspace_id)
        workflow = _lock(workspace_id, workflow_id)
        refuse_orphans(workflow)
        workflow.deleted_at = now()
        workflow.save(update_fields=["deleted_at"])
        _audit(workflow, actor, "workflow.delete")


def _parse(body: Mapping[str, Any]) -> Definition:
    """The checks that need no database: 20,000 expressions take seconds to compile."""
    release_connection()
    return parse_definition(body)


def _lock(workspace_id: UUID, workflow_id: UUID) -> Workflow:
    """Two concurrent changes must not create the same version."""
    found = (
        Workflow.objects.select_for_update(no_key=True)
        .filter(workspace_id=workspace_id, id=workflow_id, deleted_at__isnull=True)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no workflow {workflow_id}.")
    return found


def _save(workflow: Workflow, *, is_new: bool) -> None:
    try:
        with transaction.atomic():
            workflow.save(force_insert=is_new)
    except IntegrityError as error:
        if "workflow_unique_name" not in str(error):
            raise
        raise _taken(workflow.name) from error


def _add_version(workflow: Workflow, definition: Definition, actor: Actor) -> None:
    WorkflowVersion.objects.create(
        workflow=workflow,
        version=workflow.version,
        definition=_stored(definition),
        created_by=actor.label,
    )


def _stored(definition: Definition) -> dict[str, Any]:
    return dict(definition.raw)


def _taken(name: str) -> Conflict:
    return Conflict(f"There is a workflow {name!r} already.")


def _audit(workflow: Workflow, actor: Actor, action: str, **detail: Any) -> None:
    record_audit(
        workspace=workflow.workspace_id,
        actor=actor,
        action=action,
        target_type="workflow",
        target_id=str(workflow.id),
        detail={"name": workflow.name, "version": workflow.version, **detail},
    )
