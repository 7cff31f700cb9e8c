"""What an operation would do, and the token with which exactly that can be started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing

from controlplane.core.errors import Conflict, FieldError, Invalid, TooLarge
from controlplane.core.formatting import format_number
from controlplane.core.ids import uuid7
from controlplane.core.requests import MAX_REASON, WITHOUT_REASON
from controlplane.core.values import is_storable_text
from controlplane.workspaces.actors import Actor, require_role, require_scopes
from controlplane.workspaces.bulk import (
    BulkVerb,
    Described,
    Rows,
    Selected,
    find_verb,
    list_verbs,
)
from controlplane.workspaces.bulk.rows import Membership, find_rows, in_bounded_time, measure
from controlplane.workspaces.bulk.selection import Selection, describe_selection

TOKEN_SECONDS = 600
_SALT = "taskplane.operations.preview"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation would do to what, by whom. `operation_id` is the id that it will have: a
    plan is carried out once."""

    operation_id: UUID
    workspace_id: UUID
    verb: BulkVerb
    selection: Selection
    options: Mapping[str, Any]
    actor: Actor
    members: Membership

    @property
    def needs_reason(self) -> bool:
        is_large = self.members.is_estimate or self.members.count > WITHOUT_REASON
        return is_large or not self.verb.undone_by


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan in words, with the first objects. `missing`: ids that name nothing."""

    plan: Plan
    token: str
    title: str
    selection: str
    consequence: str
    first: Sequence[Described]
    missing: int


def find_bulk_verb(target: str, action: str) -> BulkVerb:
    """Raises Invalid for an unknown target or action."""
    if (verb := find_verb(target, action)) is not None:
        return verb
    known = list_verbs(target)
    if known:
        names = ", ".join(verb.name for verb in known)
        raise Invalid(errors=[FieldError(field="action", message=f"One of {names}.")])
    names = ", ".join(dict.fromkeys(verb.target.name for verb in list_verbs()))
    raise Invalid(errors=[FieldError(field="target", message=f"One of {names}.")])


def read_options(verb: BulkVerb, options: Mapping[str, Any]) -> dict[str, Any]:
    """The checked options of a verb. Raises Invalid."""
    if verb.options is None:
        if options:
            message = f"{verb.name} takes no options."
            raise Invalid(errors=[FieldError(field="options", message=message)])
        return {}
    try:
        return verb.options.read(dict(options)).model_dump()
    except Invalid as error:
        errors = [
            FieldError(field=f"options.{each['field']}", message=each["message"])
            for each in error.errors
        ]
        raise Invalid(errors=errors) from error


def make_preview(
    *,
    workspace_id: UUID,
    verb: BulkVerb,
    selection: Selection,
    options: Mapping[str, Any],
    actor: Actor,
) -> Preview:
    """What it would do now. Raises Forbidden for what the actor may not do; Invalid: it takes too
    long to find the objects, or the verb needs an earlier operation; TooLarge: too many match."""
    if verb.needs_origin and selection.origin is None:
        message = f"{verb.name} is for what an earlier operation changed: name it."
        raise Invalid(errors=[FieldError(field="operation", message=message)])
    named = verb.target.name_caller(selection.filter, actor)
    selection = replace(selection, filter=named)
    rows = find_rows(verb, workspace_id, selection)
    _require(verb, actor, rows)
    members = measure(rows, verb.target.key)
    limit = settings.TASKPLANE["OPERATION_MAX_ITEMS"]
    if members.count > limit and not members.is_estimate:
        raise TooLarge(f"{verb.target.count(members.count)} match; the limit is {limit:,}.")
    plan = Plan(uuid7(), workspace_id, verb, selection, options, actor, members)
    selected = Selected(workspace_id, rows, members.count, members.is_estimate, options)
    with in_bounded_time():
        consequence = verb.consequence(selected) if members.count else "Nothing matches."
        first = verb.target.describe(rows.filter(**{f"{verb.target.key}__in": members.shown}))
    return Preview(
        plan=plan,
        token=_sign(plan),
        title=describe_plan(verb, members),
        selection=describe_selection(verb.target, selection),
        consequence=consequence,
        first=first,
        missing=max(0, len(selection.ids) - members.count),
    )


def describe_plan(verb: BulkVerb, members: Membership) -> str:
    """Such as `Retry 1,204 tasks`."""
    about = "about " if members.is_estimate else ""
    return f"{verb.title} {about}{verb.target.count(members.count)}"


def read_token(token: str, *, workspace_id: UUID, actor: Actor, accept_drift: bool = False) -> Plan:
    """The plan of a preview, checked against what is selected now, which is what it then has.

    Raises Invalid: no token of this workspace and actor, or too old; Conflict: nothing matches, or
    the set has changed since the preview and `accept_drift` is not set; Forbidden.
    """
    plan = _unsign(token)
    if plan.workspace_id != workspace_id or (plan.actor.kind, plan.actor.id) != (
        actor.kind,
        actor.id,
    ):
        raise wrong_token("This preview was made by somebody else, or in another workspace.")
    verb = plan.verb
    rows = find_rows(verb, workspace_id, plan.selection)
    _require(verb, actor, rows)
    current = measure(rows, verb.target.key)
    if not current.count:
        raise Conflict("Nothing matches any more: there is nothing to do.")
    if not accept_drift and (drift := describe_drift(plan.members, current)):
        message = "Preview again, or start with true to do it to what matches now."
        raise Conflict(drift, errors=[FieldError(field="acceptDrift", message=message)])
    return replace(plan, members=current, actor=actor)


def check_reason(plan: Plan, reason: str) -> str:
    """The reason as it is kept. Raises Invalid if the plan needs one."""
    text = reason.strip()
    if len(text) > MAX_REASON or not is_storable_text(text):
        message = f"At most {MAX_REASON} characters, without NUL."
    elif not text and plan.needs_reason:
        why = f"touches more than {WITHOUT_REASON}" if plan.verb.undone_by else "cannot be undone"
        message = f"Give a reason: it {why}."
    else:
        return text
    raise Invalid(errors=[FieldError(field="reason", message=message)])


def describe_drift(before: Membership, current: Membership) -> str:
    """How the set has changed; empty if it has not. Only the last key of an estimated set is
    compared: its number changes by itself."""
    if before.is_estimate and current.is_estimate:
        is_same = before.last == current.last
    else:
        is_same = (before.count, before.digest) == (current.count, current.digest)
    if is_same:
        return ""
    then, today = format_number(before.count), format_number(current.count)
    if then == today:
        return f"{then} matched then and now, but they are not the same ones."
    about = "about " if current.is_estimate else ""
    return f"{then} matched then, {about}{today} now."


def require_verb(verb: BulkVerb, actor: Actor) -> None:
    """Raises Forbidden if the actor's role or key does not allow the verb."""
    require_role(actor, verb.role)
    require_scopes(actor, f"{verb.target.resource}:write", *verb.scopes)


def _require(verb: BulkVerb, actor: Actor, rows: Rows) -> None:
    require_verb(verb, actor)
    with in_bounded_time():
        verb.check(actor, rows)


def _sign(plan: Plan) -> str:
    members = plan.members
    value = {
        "id": str(plan.operation_id),
        "workspace": str(plan.workspace_id),
        "actor": [plan.actor.kind, plan.actor.id],
        "target": plan.verb.target.name,
        "action": plan.verb.name,
        "selection": plan.selection.to_json(),
        "options": dict(plan.options),
        "members": [members.count, members.is_estimate, members.digest, members.last],
    }
    return signing.dumps(value, salt=_SALT, compress=True)


def _unsign(token: str) -> Plan:
    try:
        value = signing.loads(token, salt=_SALT, max_age=TOKEN_SECONDS)
    except signing.SignatureExpired:
        minutes = TOKEN_SECONDS // 60
        raise wrong_token(f"A preview is valid for {minutes} minutes: make another.") from None
    except signing.BadSignature:
        raise wrong_token("This is not the token of a preview.") from None
    kind, actor_id = value["actor"]
    return Plan(
        operation_id=UUID(value["id"]),
        workspace_id=UUID(value["workspace"]),
        verb=find_bulk_verb(value["target"], value["action"]),
        selection=Selection.from_json(value["selection"]),
        options=value["options"],
        actor=Actor(kind, actor_id, "", None),
        members=Membership(*value["members"]),
    )


def wrong_token(message: str) -> Invalid:
    """The error of a token that is not for this."""
    return Invalid(errors=[FieldError(field="token", message=message)])
