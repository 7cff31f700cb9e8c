"""The worker's own bell, when the broker is not there to carry it."""

import time

import pytest
from celery import current_app

from controlplane.embedded.ports import free_port
from workers.canary import Canary
from workers.nodepage import NodePage


def test_a_broker_that_is_away_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent sings in the loop in which it beats: an error here would silence the node."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://127.0.0.1:{free_port()}/0")
    page = NodePage()
    page.is_ready = True
    canary = Canary(page, "lonely")
    began = time.monotonic()
    canary.keep_singing()
    assert time.monotonic() - began < 3
    assert canary.silent_seconds() == 0
