"""Any history of deaths, repetitions, discards and decisions leaves the groups as a model says."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from dlq.discard import discard_letter
from dlq.grouping import GroupUpkeep
from dlq.groups import Decision, decide
from dlq.models import DeadLetter, LetterGroup
from dlq.queries.groups import describe_groups
from dlq.recording import fold_letter_counts
from dlq.reprocess import reprocess_letter
from tests.factories import make_error, make_letter, make_next_letter
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db

KINDS = ("first", "second")
VERBS = (
    "die", "die", "reprocess", "reprocess", "complete", "complete", "fail", "discard", "discard",
    "acknowledge", "mute", "mute", "wait", "reopen", "resolve",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 30), st.sampled_from(KINDS)),
    min_size=8,
    max_size=30,
)
PROFILES = {
    "ci": settings(
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        max_examples=10,
        derandomize=True,
        phases=[Phase.generate],
    ),
    "deep": settings(
        deadline=None, suppress_health_check=list(HealthCheck), database=None, max_examples=1_000
    ),
}


@dataclass
class Work:
    """One letter in the model, with its result."""

    letter: DeadLetter
    kind: str
    status: str = "open"  # then waiting, died, done or discarded
    task: Any = None
    next: "Work | None" = None

    @property
    def is_settled(self) -> bool:
        if self.status == "died":
            return self.next is not None and self.next.is_settled
        return self.status in ("done", "discarded")


@dataclass
class Model:
    """Groups and letters as people think of them."""

    works: list[Work] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    above: dict[str, int] = field(default_factory=dict)
    waited: bool = False  # until the ends of all mutes

    def of(self, kind: str) -> list[Work]:
        return [work for work in self.works if work.kind == kind]

    def count_open(self, kind: str) -> int:
        return sum(work.status == "open" for work in self.of(kind))

    def is_settled(self, kind: str) -> bool:
        return all(work.is_settled for work in self.of(kind))

    def pick(self, status: str, number: int) -> Work | None:
        found = [work for work in self.works if work.status == status]
        return found[number % len(found)] if found else None

    def add(self, letter: DeadLetter, kind: str) -> Work:
        work = Work(letter, kind)
        self.works.append(work)
        known = self.states.get(kind)
        self.states[kind] = "REGRESSED" if known == "RESOLVED" else known or "OPEN"
        return work

    def settle(self) -> None:
        """What the dispatcher does."""
        for kind, state in self.states.items():
            is_hidden = state == "MUTED" and not self.waited
            if state != "RESOLVED" and self.is_settled(kind) and not is_hidden:
                self.states[kind] = "RESOLVED"
            elif state == "MUTED" and (self.waited or self.count_open(kind) > self.above[kind]):
                self.states[kind] = "OPEN"
        self.waited = False


class History:
    """Does each step for real and in the model."""

    def __init__(self) -> None:
        self.model = Model()
        self.upkeep = GroupUpkeep()
        self.workspace = get_default_workspace_id()

    def step(self, verb: str, number: int, kind: str) -> None:
        if verb == "die":
            self.model.add(make_letter(make_error(f"the {kind} failure")), kind)
        elif verb == "wait":
            LetterGroup.objects.filter(state="MUTED").update(muted_until=now())
            self.model.waited = True
        elif verb in ("acknowledge", "mute", "reopen", "resolve"):
            self.decide(verb, kind, number)
        elif verb in ("reprocess", "discard"):
            self.close(verb, self.model.pick("open", number))
        else:
            self.end(verb, self.model.pick("waiting", number), kind)
        fold_letter_counts()
        self.upkeep.run()
        self.model.settle()
        self.check()

    def close(self, verb: str, work: Work | None) -> None:
        if work is None:
            return
        where = {"workspace_id": self.workspace, "letter_id": work.letter.id, "actor": SYSTEM}
        if verb == "discard":
            discard_letter(**where, reason="no longer needed")
            work.status = "discarded"
        else:
            work.task = reprocess_letter(**where).reprocessed_task_id
            work.status = "waiting"

    def end(self, verb: str, work: Work | None, kind: str) -> None:
        if work is None:
            return
        if verb == "complete":
            run_task(work.task)
            work.status = "done"
        else:
            letter = make_next_letter(work.task, make_error(f"the {kind} failure"))
            work.status, work.next = "died", self.model.add(letter, kind)

    def decide(self, verb: str, kind: str, number: int) -> None:
        if kind not in self.model.states:
            return
        state = {"acknowledge": "ACKNOWLEDGED", "mute": "MUTED", "reopen": "OPEN"}.get(verb)
        state = state or "RESOLVED"
        above = 1 + number % 3 if state == "MUTED" else None
        until = now() + timedelta(hours=1) if state == "MUTED" else None
        known = self.model.states[kind]
        is_refused = known == "RESOLVED" and state in ("ACKNOWLEDGED", "MUTED")
        is_refused |= state == "RESOLVED" and self.model.count_open(kind) > 0
        is_refused |= state in ("ACKNOWLEDGED", "OPEN") and self.model.is_settled(kind)
        group = self.group(kind)
        decision = Decision(state=state, muted_until=until, muted_above=above)
        try:
            decide(workspace_id=self.workspace, group_id=group.id, decision=decision, actor=SYSTEM)
        except Conflict:
            assert is_refused, (verb, known)
        else:
            assert not is_refused or known == state, (verb, known)
            self.model.states[kind] = state
            self.model.above[kind] = above or 0

    def group(self, kind: str) -> LetterGroup:
        letter = self.model.of(kind)[0].letter
        return LetterGroup.objects.get(fingerprint=letter.fingerprint, type=letter.type)

    def check(self) -> None:
        for kind, state in self.model.states.items():
            group = self.group(kind)
            assert group.state == state, kind
            assert group.deaths == len(self.model.of(kind))
            (view,) = describe_groups([group])
            assert view.count == group.letters == self.model.count_open(kind)


@PROFILES[os.environ.get("HISTORIES", "ci")]
@given(STEPS)
def test_histories(steps: list[tuple[str, int, str]]) -> None:
    with transaction.atomic():
        history = History()
        for step in steps:
            history.step(*step)
        transaction.set_rollback(True)
