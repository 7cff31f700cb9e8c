"""What the growth of open letters costs beside many of them."""

from datetime import timedelta

import pytest
from django.db import connection

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from dlq.models import DeadLetter, LetterGroup
from dlq.queries import count_open, growth
from tests.clients import default_workspace, other_workspace
from tests.factories import copy_letter, make_letter
from tests.reads import rows_read

pytestmark = pytest.mark.django_db


def test_old_letters_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    copy_letter(make_letter(), 1_500)
    DeadLetter.objects.update(died_at=now() - timedelta(days=3))
    make_letter()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE dlq_deadletter")
    workspace, found = default_workspace().id, []
    read = rows_read("dlq_deadletter", lambda: found.append(growth.read_growth(workspace, now())))
    assert (found[0].open, found[0].before, read <= 10) == (1_502, {}, True), read

    monkeypatch.setattr(growth, "MAX_CHANGES", 1)  # they are not folded: then letters are counted
    assert growth.read_growth(workspace, now()) == found[0]
    monkeypatch.setattr(growth, "MAX_COUNTED", 1_000)
    many = growth.read_growth(workspace, now())
    assert (many.open, many.is_estimate) == (1_000, True)


def test_the_figures_of_the_sidebar_and_of_the_overview_leave_muted_groups_out() -> None:
    for _ in range(2):
        make_letter()
    make_letter(type="test-raise")
    make_letter(workspace=other_workspace())
    LetterGroup.objects.filter(type="test-echo", workspace=default_workspace()).update(
        state="MUTED", muted_above=5
    )
    workspace = default_workspace().id
    assert count_open([workspace]) == growth.read_growth(workspace, now()).open == 1
    assert count_open([workspace, other_workspace().id]) == 2
