"""The end of a dispatcher."""

import pytest
from django.db import OperationalError

from tasks_app.dispatch import Dispatcher


def test_it_ends_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher, asked = Dispatcher(), []

    def resign() -> None:
        asked.append(1)
        raise OperationalError

    monkeypatch.setattr(dispatcher, "_leads", True)
    monkeypatch.setattr(dispatcher._leadership, "resign", resign)
    dispatcher.work_until(lambda: True)
    assert asked
