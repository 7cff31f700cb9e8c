"""What handlers do to os.environ, in this process: the quick look counts changes, the full one
compares."""

import os
from collections.abc import Callable

import pytest

from tasks_app.execution.isolation.process_state import ProcessState

_NAME = "TASKPLANE_TEST_VARIABLE"


@pytest.fixture(autouse=True)
def _variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_NAME, "before")


def _set() -> None:
    os.environ[_NAME] = "changed"


def _delete() -> None:
    del os.environ[_NAME]


def _update_bytes() -> None:
    os.environb.update({_NAME.encode(): b"changed", b"TASKPLANE_LEFT_OVER": b"1"})


def _clear() -> None:
    os.environ.clear()


def _replace() -> None:
    os.environ = {}  # type: ignore[assignment] # noqa: B003 - on purpose


@pytest.mark.parametrize("change", [_set, _delete, _update_bytes, _clear, _replace])
def test_the_quick_look_finds_a_change(change: Callable[[], None]) -> None:
    state = ProcessState()  # in the test itself: pytest sets a variable between setup and test
    before = dict(os.environ)
    for _ in range(2):
        change()
        assert state.put_back_common() == ["environment variables"]
        assert dict(os.environ) == before
        assert os.getenv(_NAME) == "before"
        assert state.put_back_common() == []


def test_a_variable_that_is_set_to_what_it_was_is_no_change() -> None:
    state = ProcessState()
    os.environ[_NAME] = "before"
    assert state.put_back_common() == []


def test_the_full_look_finds_what_bypassed_the_count() -> None:
    state = ProcessState()
    dict.__setitem__(os.environ._data, b"TASKPLANE_LEFT_OVER", b"1")  # type: ignore[attr-defined]
    assert state.put_back_common() == []
    assert "environment variables" in state.put_back_rest()
    assert "TASKPLANE_LEFT_OVER" not in os.environ


def test_the_full_look_finds_a_replaced_store() -> None:
    state = ProcessState()
    os.environ._data = {}  # type: ignore[attr-defined]
    assert "environment variables" in state.put_back_rest()
    assert os.environ[_NAME] == "before"
    _set()
    assert state.put_back_common() == ["environment variables"]
