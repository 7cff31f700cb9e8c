"""All open letters of a group: the question before they are changed, and whether they are still
the same when it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controlplane.core.errors import Conflict, Invalid, TooLarge
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.bulk.calls import Call
from controlplane.workspaces.bulk.preview import find_bulk_verb
from controlplane.workspaces.bulk.selection import Selection
from dlq.filters import LetterFilter
from dlq.models import LetterGroup
from dlq.queries.groups import describe_groups, list_members

NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class LettersShown:
    """What a question shows. `token` is that of the preview of a bulk operation; empty if finding
    the letters takes too long, or they are too many."""

    count: int
    names: Sequence[str]
    token: str = ""


def letters_of(group: LetterGroup) -> LetterFilter:
    """The letters of a group, for an action."""
    return LetterFilter(fingerprints=(group.fingerprint,), types=(group.type,))


def show_letters(group: LetterGroup) -> LettersShown:
    """What is open, for a question that changes no letter."""
    (view,) = describe_groups([group])
    names = [_name(each.name, each.id) for each in list_members(group, NAMES_SHOWN)]
    return LettersShown(view.count, names)


def preview_letters(group: LetterGroup, action: str, actor: Actor) -> LettersShown:
    """What `action` would change now."""
    try:
        preview = _call(group, action, actor).preview()
    except (Invalid, TooLarge):
        return show_letters(group)
    members = preview.plan.members
    if members.is_estimate:  # the counts of groups are exact
        return replace(show_letters(group), token=preview.token)
    names = [_name(each.name, each.key) for each in preview.first]
    return LettersShown(members.count, names, preview.token)


def check_letters(group: LetterGroup, action: str, actor: Actor, token: str) -> None:
    """Raises Conflict: the letters are not those of the preview, or it is too old. Without a token
    nothing is compared, as by the API."""
    if not token:
        return
    try:
        _call(group, action, actor).compare(token)
    except (Conflict, Invalid) as error:
        is_field = isinstance(error, Invalid) and error.errors  # its detail names the field
        problem = error.errors[0]["message"] if is_field else error.detail
        raise Conflict(f"{problem} Nothing was changed: look again.") from error


def _call(group: LetterGroup, action: str, actor: Actor) -> Call:
    verb = find_bulk_verb("dead-letters", action)
    selection = Selection(filter=letters_of(group).to_json())
    return Call(group.workspace_id, verb, selection, actor, {})


def _name(name: str, key: object) -> str:
    return name or str(key)
