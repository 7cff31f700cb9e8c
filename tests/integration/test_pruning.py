"""What the dispatcher's sweep removes, and what it leaves."""

from datetime import timedelta

import pytest
from django.conf import settings

from controlplane.core.clock import now
from tasks_app.dispatch import prune
from tests.factories import make_node
from workers.models import Node

pytestmark = pytest.mark.django_db


def test_nodes_go_after_the_last_attempt_that_names_them() -> None:
    """Every start of a worker leaves one: without an end they would gather for years."""
    kept = timedelta(days=settings.TASKPLANE["ATTEMPT_RETENTION_DAYS"])
    living = make_node()
    recent = make_node("recent", state="STOPPED", stopped_at=now() - kept)
    make_node("old", state="LOST", stopped_at=now() - kept - timedelta(days=8))
    assert prune()
    assert set(Node.objects.values_list("id", flat=True)) == {living.id, recent.id}
    assert not prune()
