"""Undo of a decision about a group: it is as it was before."""

from typing import Any
from uuid import uuid4

import pytest

from controlplane.core.errors import NotFound
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from dlq.groups import Decision
from dlq.models import LetterGroup
from dlq.queries.groups import describe_groups
from dlq.undo import decide_with_undo, undo_decision
from tests.factories import make_letter

pytestmark = pytest.mark.django_db


def decide(actor: Actor, **wanted: Any) -> Any:
    """What undoes the decision about the only group."""
    group = LetterGroup.objects.get()
    _, undone = decide_with_undo(
        workspace_id=group.workspace_id, group_id=group.id, decision=Decision(**wanted), actor=actor
    )
    return undone


def test_a_group_that_is_gone_is_not_found(ada: Actor, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        decide_with_undo(
            workspace_id=workspace.id, group_id=uuid4(), decision=Decision(owner=None), actor=ada
        )


def grown() -> int:
    (view,) = describe_groups([LetterGroup.objects.get()])
    return view.grown


def test_deaths_are_counted_from_the_acknowledgement(ada: Actor, workspace: Workspace) -> None:
    make_letter()
    decide(ada, state="ACKNOWLEDGED")
    make_letter()
    muted = decide(ada, state="MUTED", muted_above=9)
    make_letter()
    undo_decision(lambda *_: ada, muted)
    assert (LetterGroup.objects.get().state, grown()) == ("ACKNOWLEDGED", 2)


def test_values_of_the_release_before_count_from_now(ada: Actor, workspace: Workspace) -> None:
    make_letter()
    decide(ada, state="ACKNOWLEDGED")
    muted = decide(ada, state="MUTED", muted_above=9)
    make_letter()
    del muted["acknowledged_deaths"], muted["state_reason"]
    undo_decision(lambda *_: ada, muted)
    assert (LetterGroup.objects.get().state, grown()) == ("ACKNOWLEDGED", 0)


def test_a_mute_gets_back_its_end_and_its_reason(ada: Actor, workspace: Workspace) -> None:
    make_letter()
    decide(ada, state="MUTED", muted_above=9, note="tax office")
    for later in (
        {"state": "MUTED", "muted_above": 500, "note": "longer"},
        {"state": "ACKNOWLEDGED"},
        {"owner": None, "note": "nobody's"},
    ):
        undone = decide(ada, **later)
        if undone is not None:
            undo_decision(lambda *_: ada, undone)
        group = LetterGroup.objects.get()
        assert (group.state, group.muted_above, group.state_reason) == ("MUTED", 9, "tax office")
