"""What can be done to many dead letters."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from controlplane.core.errors import Conflict
from controlplane.core.formatting import format_count
from controlplane.core.ids import parse_uuid
from controlplane.core.schema.filters import read_body
from controlplane.workspaces.actors import RUN_WORKFLOWS, SUBMIT_TASKS, Actor, require_scopes
from controlplane.workspaces.bulk import (
    Applied,
    BulkVerb,
    Chunk,
    Described,
    Rows,
    Selected,
    Target,
    register,
)
from dlq.bulk import only_open
from dlq.discard import describe_closed, discard_letters
from dlq.filters import LetterFilter
from dlq.models import DeadLetter
from dlq.queries import list_letters
from dlq.reprocess import reprocess_letters
from dlq.reprocess_tasks import Changes
from dlq.states import LetterStatus

_GONE = "The dead letter was removed."


def _describe(rows: Rows) -> list[Described]:
    found = rows.values_list("id", "name", "status")
    return [Described(str(key), name, status) for key, name, status in found]


LETTERS = Target(
    name="dead-letters",
    noun="dead letter",
    resource="dlq",
    key="id",
    page="dlq_deadletter",
    list_all=lambda workspace_id: list_letters(workspace_id, LetterFilter()),
    read_filter=lambda body: read_body(LetterFilter, body),
    is_everything=lambda wanted: wanted.is_empty,
    narrow=lambda workspace_id, wanted: list_letters(workspace_id, only_open(wanted)),
    describe=_describe,
    read_key=parse_uuid,
)


def _reprocess(chunk: Chunk) -> Applied:
    done = reprocess_letters(
        workspace_id=chunk.workspace_id,
        ids=list(chunk.keys),
        changes=Changes(),
        actor=chunk.actor,
    )
    applied = Applied(
        changed=dict.fromkeys(done.tasks, ""),
        refused={letter: error.detail for letter, error in done.refused.items()},
    )
    return _sort_out(chunk, applied, LetterStatus.REPROCESSED)


def _discard(chunk: Chunk) -> Applied:
    done = discard_letters(
        workspace_id=chunk.workspace_id, ids=chunk.keys, reason=chunk.reason, actor=chunk.actor
    )
    applied = Applied(changed=dict.fromkeys(done, ""))
    return _sort_out(chunk, applied, LetterStatus.DISCARDED)


def _sort_out(chunk: Chunk, applied: Applied, wanted: LetterStatus) -> Applied:
    """Letters that were closed before: in the wanted way, which is no refusal (a workflow run that
    is retried closes all of its letters), or otherwise."""
    rest = [key for key in chunk.keys if key not in applied.changed]
    letters = _read(chunk.workspace_id, rest)
    for key in rest:
        letter = letters.get(key)
        closed = _GONE if letter is None else _explain(letter)
        if letter is not None and letter.status == wanted:
            applied.refused.pop(key, None)
            applied.unchanged[key] = closed
        elif closed:
            applied.refused[key] = closed
    return applied


def _explain(letter: DeadLetter) -> str:
    closed: Conflict | None = describe_closed(letter)
    return "" if closed is None else closed.detail


def _read(workspace_id: UUID, ids: list[UUID]) -> Mapping[UUID, DeadLetter]:
    if not ids:
        return {}
    letters = list_letters(workspace_id, LetterFilter(ids=tuple(ids)))
    columns = ("id", "status", "reprocessed_task_id", "discard_reason", "resolved_by")
    return {letter.id: letter for letter in letters.only(*columns)}


def _require_runs(actor: Actor, rows: Rows) -> None:
    """Letters of workflow runs are reprocessed by retrying the run."""
    if actor.scopes and rows.filter(workflow_run_id__isnull=False).exists():
        require_scopes(actor, RUN_WORKFLOWS)


def _tell_reprocess(selected: Selected) -> str:
    text = f"The work of {LETTERS.count(selected.count)} will be submitted again as new tasks."
    if selected.is_estimate:
        return text
    of_runs = selected.rows.filter(workflow_run_id__isnull=False)
    runs = of_runs.order_by().values("workflow_run_id").distinct().count()
    return f"{text} {format_count(runs, 'workflow run')} will be retried." if runs else text


def _tell_discard(selected: Selected) -> str:
    return f"{LETTERS.count(selected.count)} will be closed without doing the work."


def _select_open(rows: Rows, _wanted: Any) -> Rows:
    return rows.filter(status=LetterStatus.OPEN)


register(
    BulkVerb(
        LETTERS,
        "reprocess",
        "Reprocess",
        _select_open,
        _reprocess,
        _tell_reprocess,
        scopes=(SUBMIT_TASKS,),
        check=_require_runs,
    ),
    BulkVerb(LETTERS, "discard", "Discard", _select_open, _discard, _tell_discard),
)
