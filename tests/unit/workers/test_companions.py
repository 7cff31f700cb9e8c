"""The processes beside a worker's main process: when they are looked after."""

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.celery import app
from workers import companions
from workers.bootsteps import CaringConsumer, CompanionsStep
from workers.companions import Companion, Companions
from workers.management.commands import worker
from workers.node_state import SharedNodeState


def test_one_that_ends_early_is_not_forked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(companions, "_KEEP_SECONDS", 0.0)
    monkeypatch.setattr(Companion, "start", lambda self: started.append(self._name))
    monkeypatch.setattr(Companion, "has_ended", lambda _: True)
    runtime: Any = SimpleNamespace(node_state=SharedNodeState())
    beside = Companions(runtime)
    beside.add("Agent", print)
    beside.add("Dispatcher", print, until_stop=True)
    is_over = beside.make_end()
    started.clear()
    beside.keep()
    assert started == ["Agent", "Dispatcher"]
    # The parent of this process is not the one that made the end.
    monkeypatch.setattr(os, "getppid", os.getpid)
    assert not is_over()
    runtime.node_state.stopping_since = 1.0
    assert is_over()
    beside.keep()
    assert started == ["Agent", "Dispatcher", "Agent"]


def test_main_looks_after_them_while_it_waits_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_broker_answers", lambda _: True)
    runtime: Any = SimpleNamespace(node_state=SharedNodeState(), serves_all=False)
    runtime.read_queues = list
    kept: list[int] = []

    def keep() -> None:  # the agent that is forked again registers the node
        kept.append(1)
        runtime.node_state.node_id = len(kept) // 2

    beside: Any = SimpleNamespace(keep=keep)
    worker._wait_until_possible(runtime, app, beside)
    assert len(kept) == 2


def test_main_looks_after_them_while_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    monkeypatch.setattr(CompanionsStep, "keep", lambda: kept.append(1))

    class Away:
        """A connection that answers when it was asked twice."""

        def ensure_connection(self, _: object, __: object, callback: Callable[[], None]) -> Any:
            callback()
            callback()
            return self

    away = Away()
    consumer: Any = object.__new__(CaringConsumer)
    consumer.app, consumer.first_connection_attempt = app, False
    assert consumer.ensure_connected(away) is away
    assert len(kept) == 2
