"""Submits tasks: rows are committed before a worker can claim them."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, Literal
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connections, transaction

from controlplane.core.clock import now as utc_now
from controlplane.core.errors import Conflict, FieldError, Invalid, TooLarge
from controlplane.core.jsonb import load_jsonb
from controlplane.workspaces.idempotency import store_or_get_response
from controlplane.workspaces.queries import get_default_workspace_id
from tasks_app import transitions
from tasks_app.filters import TaskFilter
from tasks_app.models import Task
from tasks_app.processors import registry
from tasks_app.queries import describe_tasks, list_tasks
from tasks_app.queries.lists import MAX_PARENTS_SHOWN
from tasks_app.rows import Cursor, NewTask
from tasks_app.services.dependencies import Family, link_family
from tasks_app.services.group_commit import get_group, insert_alone, may_share
from tasks_app.services.preparation import Spec, prepare
from tasks_app.services.queues import Lanes, notify_for
from tasks_app.settling import announce_reprocessed
from tasks_app.specs import TaskSpec

_MAX_PROBLEMS = 100  # that one answer names
# The workspace, None for `default`; a task for it; and who submits it, as `Actor.as_submitter`.
Asked = tuple[UUID | None, Spec, str | None]
Accepted = tuple[Any, bool]  # a described task, and whether it is new
_SPEC_FIELDS = [field.name for field in fields(TaskSpec)]


@dataclass(frozen=True, slots=True)
class Submission:
    """The result of a submission: the tasks' ids, whether they are new, and then their rows."""

    ids: list[UUID]
    is_new: bool
    rows: Sequence[NewTask] = ()


def submit_task(
    *,
    workspace_id: UUID | None = None,
    spec: TaskSpec,
    using: str = "default",
    on_conflict: Literal["raise", "new"] = "raise",
    submitter: str | None = None,
) -> UUID:
    """Submit one task and return its id. It joins the transaction that is open on `using`.

    `workspace_id` None means the workspace `default`. With an idempotency key, the same key and
    spec give the first task's id again; another spec raises Conflict, or with on_conflict="new"
    makes a task of its own. `submitter` is what the task keeps of who submitted it
    (`Actor.as_submitter`). Raises Invalid, TooLarge.
    """
    workspace_id = workspace_id or get_default_workspace_id()
    if is_plain(spec):
        return _submit_alone(workspace_id, spec, using, submitter).id
    if (key := spec.idempotency_key) is None:
        rows = submit_rows(
            workspace_id=workspace_id, specs=[spec], using=using, submitter=submitter
        )
        return rows[0].id
    once = partial(
        submit_once, workspace_id=workspace_id, specs=[spec], using=using, submitter=submitter
    )
    try:
        return once(key=key).ids[0]
    except Conflict:
        if on_conflict == "raise":
            raise
    return once(key=f"{key[:180]}/{_hash_specs([spec]).hex()}").ids[0]


def submit_tasks(
    *,
    workspace_id: UUID | None = None,
    specs: Sequence[Spec],
    using: str = "default",
    by: str = "",
    submitter: str | None = None,
) -> list[UUID]:
    """Submit tasks, all or none. Returns their ids in order. `by` is the label of the actor who
    reprocesses ended tasks (`reprocess_of`); for `submitter` see submit_task. Raises Invalid,
    TooLarge."""
    rows = submit_rows(
        workspace_id=workspace_id or get_default_workspace_id(),
        specs=specs,
        using=using,
        by=by,
        submitter=submitter,
    )
    return [row.id for row in rows]


def submit_each(asked: Sequence[Asked], using: str) -> list[UUID | BaseException]:
    """Submit tasks without key, parents and predecessor, each by itself but committed together.
    Returns the id or the error of each."""
    found = _submit_rows_each(asked, using)
    return [row.id if isinstance(row, NewTask) else row for row in found]


def _submit_rows_each(asked: Sequence[Asked], using: str) -> list[NewTask | BaseException]:
    found: list[NewTask | BaseException] = []
    for workspace_id, spec, submitter in asked:
        try:
            lanes = Lanes(workspace_id or get_default_workspace_id(), using=using)
            found.append(prepare(spec, lanes=lanes, now=utc_now(), submitter=submitter))
        except Exception as error:  # noqa: BLE001 - raised where the task was submitted
            found.append(error)
    numbers = [number for number, row in enumerate(found) if isinstance(row, NewTask)]
    rows = [row for row in found if isinstance(row, NewTask)]
    for number, refused in zip(numbers, _insert_each(rows, using), strict=True):
        if refused is not None:
            found[number] = refused
    return found


def check_task(*, workspace_id: UUID, spec: TaskSpec) -> None:
    """Raise what submit_task would raise of this spec now, without submitting it. A queue that is
    named for the first time is made."""
    prepare(spec, lanes=Lanes(workspace_id, using="default"), now=utc_now())


def submit_rows(
    *,
    workspace_id: UUID,
    specs: Sequence[Spec],
    using: str = "default",
    by: str = "",
    submitter: str | None = None,
) -> list[NewTask]:
    """As submit_tasks, for callers that show the new rows without reading them again."""
    if len(specs) == 1 and not specs[0].depends_on and specs[0].reprocess_of is None:
        return [_submit_alone(workspace_id, specs[0], using, submitter)]
    rows, family = _prepare_all(specs, workspace_id, using, submitter)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        _insert(cursor, rows, family, workspace_id, using, by)
    notify_for(rows, connections[using])
    return rows


def submit_once(
    *,
    workspace_id: UUID,
    key: str,
    specs: Sequence[Spec],
    using: str = "default",
    submitter: str | None = None,
) -> Submission:
    """Submit tasks unless this key was used within 24 h: then the first answer again, also to
    another caller.

    Raises Conflict when the key was used with another body.
    """
    rows, family = _prepare_all(specs, workspace_id, using, submitter)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        answer = {"ids": [str(row.id) for row in rows]}
        first = store_or_get_response(
            workspace_id=workspace_id,
            key=key,
            body_hash=_hash_specs(specs),
            answer=answer,
            using=using,
        )
        if first is not None:
            return Submission(ids=[UUID(task) for task in first["ids"]], is_new=False)
        _insert(cursor, rows, family, workspace_id, using)
    notify_for(rows, connections[using])
    return Submission(ids=[row.id for row in rows], is_new=True, rows=rows)


def _hash_specs(specs: Sequence[Spec]) -> bytes:
    """SHA-256 of checked specs, to distinguish a repetition from another body."""
    text = orjson.dumps(list(map(_values, specs)), option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(text).digest()


def _values(spec: Spec) -> dict[str, Any]:
    values = {name: getattr(spec, name) for name in _SPEC_FIELDS}
    return values | {
        "payload": dict(spec.payload),
        "retry": None if spec.retry is None else asdict(spec.retry),
    }


def _prepare_all(
    specs: Sequence[Spec], workspace_id: UUID, using: str, submitter: str | None
) -> tuple[list[NewTask], Family]:
    limit: int = settings.TASKPLANE["BULK_MAX"]
    if len(specs) > limit:
        raise TooLarge(f"{len(specs)} tasks in one call; the limit is {limit}.")
    now = utc_now()
    lanes = Lanes(workspace_id, using=using)
    rows: list[NewTask] = []
    problems: list[FieldError] = []
    for number, spec in enumerate(specs):
        prefix = f"tasks[{number}]." if len(specs) > 1 else ""
        try:
            rows.append(prepare(spec, lanes=lanes, now=now, prefix=prefix, submitter=submitter))
        except Invalid as error:
            problems += error.errors
            if len(problems) >= _MAX_PROBLEMS:
                break
    if problems:
        raise Invalid(errors=problems[:_MAX_PROBLEMS])
    return rows, Family.of(specs, rows)


def _submit_alone(workspace_id: UUID, spec: Spec, using: str, submitter: str | None) -> NewTask:
    lanes = Lanes(workspace_id, using=using)
    row = prepare(spec, lanes=lanes, now=utc_now(), submitter=submitter)
    (error,) = _insert_each([row], using)
    if error is not None:
        raise error
    return row


def _insert_each(rows: Sequence[NewTask], using: str) -> list[BaseException | None]:
    """Insert rows in one prepared statement for each: in the caller's transaction; or, without one,
    in one statement and commit for all that arrive at the same time. Returns the error of each."""
    if not rows:
        return []
    wrapper = connections[using]
    if may_share(wrapper):
        return get_group(using).insert(rows, wrapper)
    return [insert_alone(row, wrapper) for row in rows]


def _insert(
    cursor: Cursor,
    rows: list[NewTask],
    family: Family,
    workspace_id: UUID,
    using: str,
    by: str = "",
) -> None:
    """Insert rows with their edges. Rows are replaced in `rows` by what was inserted."""
    if family.edges:
        rows[:] = link_family(cursor, rows, family, workspace_id, using=using)
    else:
        transitions.insert_tasks(cursor, rows)
    pairs = [(row.reprocess_of, row.id) for row in rows if row.reprocess_of]
    announce_reprocessed(pairs, using=using, by=by)


def is_plain(spec: Spec) -> bool:
    """Whether its row is all that is written: it has no key, no parents and no predecessor."""
    return spec.idempotency_key is None and not spec.depends_on and spec.reprocess_of is None


def accept_task(*, workspace_id: UUID, spec: Spec, submitter: str | None = None) -> Accepted:
    """Submit one task. Returns it with its description, and whether it is new.

    Without a key this is one statement. Raises Invalid, TooLarge, and Conflict if the key was used
    with another body or its task was removed.
    """
    if spec.idempotency_key is None:
        rows = submit_rows(workspace_id=workspace_id, specs=[spec], submitter=submitter)
        return _describe_new(rows[0], spec), True
    done = submit_once(
        workspace_id=workspace_id,
        key=spec.idempotency_key,
        specs=[spec],
        submitter=submitter,
    )
    if done.is_new:
        return _describe_new(done.rows[0], spec), True
    task = list_tasks(workspace_id, TaskFilter(ids=(done.ids[0],))).first()
    if task is None:
        raise Conflict("The task of this idempotency key has been removed; use a new key.")
    return describe_tasks([task])[0], False


def accept_each(
    asked: Sequence[tuple[UUID, Spec, str | None]],
) -> list[Accepted | BaseException]:
    """As accept_task, for several: each with its own result or error, committed together where
    nothing else has to be written or read for them."""
    plain = [number for number, (_, spec, _) in enumerate(asked) if is_plain(spec)]
    rows = dict(zip(plain, _submit_rows_each([asked[n] for n in plain], "default"), strict=True))
    answers: list[Accepted | BaseException] = []
    for number, (workspace_id, spec, submitter) in enumerate(asked):
        row = rows.get(number)
        try:
            if row is None:
                accepted = accept_task(workspace_id=workspace_id, spec=spec, submitter=submitter)
                answers.append(accepted)
            elif isinstance(row, NewTask):
                answers.append((_describe_new(row, spec), True))
            else:
                answers.append(row)
        except Exception as error:  # noqa: BLE001 - the result of this one
            answers.append(error)
    return answers


def accept_tasks(
    *, workspace_id: UUID, specs: Sequence[Spec], key: str | None, submitter: str | None = None
) -> Submission:
    """Submit the tasks of one bulk call, all or none. Raises Invalid, TooLarge, Conflict."""
    try:
        if key is None:
            ids = submit_tasks(workspace_id=workspace_id, specs=specs, submitter=submitter)
            return Submission(ids=ids, is_new=True)
        return submit_once(workspace_id=workspace_id, key=key, specs=specs, submitter=submitter)
    except Invalid as error:
        if len(specs) != 1:
            raise
        # The service takes one spec for a task by itself; here it is one of a list.
        raise Invalid(
            errors=[{**e, "field": f"tasks[0].{e['field']}"} for e in error.errors]
        ) from error


def _describe_new(row: NewTask, spec: Spec) -> Any:
    """The inserted task, described, without reading it."""
    values = {**_new_task_defaults(), **row._asdict()}
    for column in ("payload", "retry", "error"):
        values[column] = None if values[column] is None else load_jsonb(values[column])
    parents = [UUID(str(parent)) for parent in dict.fromkeys(spec.depends_on)]
    # As describe_tasks gives them.
    values["queue_name"] = registry.get(row.type).queue if spec.queue is None else spec.queue
    values["worker_node"] = None
    values["parents"] = parents[:MAX_PARENTS_SHOWN]
    return SimpleNamespace(**values)


@cache
def _new_task_defaults() -> dict[str, Any]:
    """What a row has that is not written when it is inserted. A model's instance would take five
    times as long to make as all the rest of the response."""
    names = {field.attname: field.get_default() for field in Task._meta.concrete_fields}
    return {name: value for name, value in names.items() if name not in NewTask._fields}
