"""What a slow Postgres answers late replaces nothing that the person has gone on to."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from controlplane.core.errors import Conflict
from controlplane.ops.terminal import live
from controlplane.ops.terminal.actions import Done, Question, Undo

WORKSPACE = UUID(int=1)
DONE = Done("done", Undo("resume", lambda: "resumed"))


def question(verb: str, ran: list[str]) -> Question:
    return Question(f"{verb}?", "", verb, lambda reason: ran.append(f"{verb}: {reason}") or DONE)


class World:
    """A screen without a terminal. The worker does nothing before `answer`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ran: list[str] = []
        monkeypatch.setattr(live, "ask_pause", lambda *_: question("pause", self.ran))
        monkeypatch.setattr(live, "ask_reprocess", self.ask_reprocess)
        monkeypatch.setattr(live, "DESCRIBE", [lambda *_: [("queue", "mail")]] * 3)
        screen: Any = SimpleNamespace(size=(120, 40), wake=lambda: None)
        self.live = live.Live(screen, WORKSPACE, 2.0)
        self.state = self.live._state
        rows = [SimpleNamespace(key="a"), SimpleNamespace(key="b")]
        snapshot: Any = SimpleNamespace(queues=rows, nodes=rows, groups=rows)
        self.state.snapshot = snapshot
        self.is_gone = False

    def ask_reprocess(self, _workspace: UUID, row: Any, *, is_whole: bool) -> Question:
        if self.is_gone:
            raise Conflict("No letter of this group is open any more.")
        return question(f"reprocess {row.key}{' whole' if is_whole else ''}", self.ran)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.live.press(key)

    def answer(self) -> None:
        """Everything that was asked for."""
        worker = self.live._worker
        while not worker._jobs.empty():
            job = worker._jobs.get()
            assert job is not None
            worker._do(job)
        worker.collect()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_who_waits_gets_the_question(world: World) -> None:
    world.press("r")
    assert world.state.busy == "Reading the group"
    world.answer()
    world.press(*"ok", "enter")
    world.answer()
    assert world.ran == ["reprocess a: ok"]


@pytest.mark.parametrize("asked", ["r", "R", "enter"])
def test_it_does_not_replace_the_question_that_is_open(world: World, asked: str) -> None:
    world.press(asked, "1", "p", "s", "o")
    world.answer()
    assert "nothing was opened" in world.state.message
    world.press("q", "enter")
    world.answer()
    assert world.ran == ["pause: soq"]
    assert not world.live._has_ended


@pytest.mark.parametrize("asked", ["r", "enter"])
def test_it_does_not_end_a_filter(world: World, asked: str) -> None:
    world.press(asked, "/", "q")
    world.answer()
    assert (world.state.mode, world.state.typed) == ("filter", "q")


@pytest.mark.parametrize("gone_on", ["down", "tab", "escape", "1"])
def test_it_is_not_about_a_row_that_was_left(world: World, gone_on: str) -> None:
    world.press("r", gone_on)
    world.answer()
    assert world.state.mode == "list"
    assert "while the group was being read: nothing was opened" in world.state.message


def test_of_two_requests_the_newest_is_answered(world: World) -> None:
    world.press("r", "down", "R")
    world.answer()
    assert world.state.question is not None
    assert world.state.question.verb == "reprocess b whole"
    assert world.state.message == ""


def test_a_late_refusal_is_not_about_the_question_that_is_open(world: World) -> None:
    world.is_gone = True
    world.press("r", "1", "p")
    world.answer()
    assert "No letter" not in world.state.message
    assert world.state.mode == "question"
    world.press("escape", "r")
    world.answer()
    assert world.state.message == "No letter of this group is open any more."


def test_what_was_done_can_be_undone_whatever_was_pressed_since(world: World) -> None:
    world.press("p", "enter", "r", "/")
    world.answer()
    assert world.ran == ["pause: "]
    assert world.state.mode == "filter"
    assert world.state.undo is DONE.undo


def test_a_late_answer_does_not_hide_an_action_under_way(world: World) -> None:
    world.press("r", "1", "p", "enter")
    worker = world.live._worker
    job = worker._jobs.get()
    assert job is not None
    worker._do(job)
    worker.collect()
    assert world.state.busy == "Pause"
    world.answer()
    assert world.state.message == "done"
