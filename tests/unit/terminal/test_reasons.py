"""What needs a reason is not done without one, and the screen says why."""

from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.core.errors import Conflict
from controlplane.ops.terminal import actions, live
from controlplane.ops.terminal.actions import Question
from tests.unit.terminal.test_late_answers import DONE, WORKSPACE, World


def line(*, is_paused: bool = False) -> Any:
    counts = SimpleNamespace(pending=3, running=1)
    return SimpleNamespace(name="mail", is_paused=is_paused, view=SimpleNamespace(counts=counts))


def test_only_a_pause_needs_one() -> None:
    pause = actions.ask_pause(WORKSPACE, line())
    assert pause.reason_needed == "everybody who looks at the queue reads it"
    assert actions.ask_pause(WORKSPACE, line(is_paused=True)).reason_needed == ""


def test_nothing_is_done_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world, given = World(monkeypatch), list[str]()
    question = Question(
        "Pause?", "", "pause", lambda reason: given.append(reason) or DONE, "everybody reads it"
    )
    monkeypatch.setattr(live, "ask_pause", lambda *_: question)
    world.press("p", " ", "enter")
    world.answer()
    assert world.state.message == "Give a reason: everybody reads it."
    assert (given, world.state.mode) == ([], "question")
    world.press(*"ok", "enter")
    world.answer()
    assert given == ["ok"]


def test_what_was_so_already_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    same = {"paused": True, "reason": "a storm"}
    monkeypatch.setattr(actions, "change_queue", lambda *_: {"before": same, "after": same})
    with pytest.raises(Conflict, match="The queue mail was paused already"):
        actions.ask_pause(WORKSPACE, line()).run("a storm")
