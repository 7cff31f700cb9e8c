"""The worker's own canary, when the broker is not there to carry it."""

import time

import pytest
from celery import current_app

from controlplane.embedded.processes import free_port
from workers.canary import Canary
from workers.node_state import SharedNodeState


def test_a_broker_that_is_away_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent sings in the loop in which it beats: an error here would silence the node."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://127.0.0.1:{free_port()}/0")
    node_state = SharedNodeState()
    node_state.is_ready = True
    canary = Canary(node_state, "lonely")
    began = time.monotonic()
    canary.send_if_due()
    assert time.monotonic() - began < 20  # with its retries it would be hours
    assert canary.seconds_without_answer() == 0
