"""When and where the letters of a group died, and the lists to which these figures lead."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Func, TextField, Value
from django.db.models.functions import Cast
from django.db.models.lookups import Exact
from django.test import Client

from dlq.models import DeadLetter, LetterGroup
from dlq.queries import spread
from dlq.queries.groups import open_letters
from dlq.queries.spread import count_steps, read_spread
from tests.clients import key_client, other_workspace
from tests.factories import make_letter
from tests.factories.letters import copy_letter

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 11, 27, 2, 17, 9, tzinfo=UTC)


def on_node(letters: list[DeadLetter], name: str, release: str) -> None:
    for letter in letters:
        attempts = [{"attempt": 1, "workerNode": "first#1"}, {"attempt": 2, "workerNode": name}]
        values = {"attempts": attempts, "worker_release": release}
        DeadLetter.objects.filter(pk=letter.pk).update(**values)


@pytest.fixture
def group(db: None) -> LetterGroup:
    """Five open letters: three of a node, one an hour before on another, one of no node."""
    letter = make_letter()
    copy_letter(letter, 4)
    make_letter(workspace=other_workspace())
    letters = list(DeadLetter.objects.filter(workspace=letter.workspace).order_by("id"))
    on_node(letters[:3], "=b#2", "4.12.0")
    on_node(letters[3:4], "a#1", "4.11.3")
    DeadLetter.objects.filter(pk=letters[3].pk).update(died_at=letter.died_at - HOUR)
    DeadLetter.objects.filter(pk=letters[4].pk).update(attempts=[], worker_release="")
    return LetterGroup.objects.get(workspace=letter.workspace)


def test_of_a_group(group: LetterGroup) -> None:
    found = read_spread(group)
    assert found is not None
    assert (found.total, found.has_older) == (5, False)
    assert sum(found.counts) == 5
    assert found.counts[-1] == 4
    named = {each.kind: each.named for each in found.places}
    assert named["node"] == [("=b#2", 3), ("a#1", 1), ("", 1)]
    assert named["release"] == [("4.12.0", 3), ("4.11.3", 1), ("", 1)]
    assert named["queue"] == [("default", 5)]


def test_only_the_newest_count(group: LetterGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "MAX_SPREAD", 2)
    monkeypatch.setattr(spread, "MAX_PLACES", 1)
    found = read_spread(group)
    assert found is not None
    assert (found.total, found.has_older, sum(found.counts)) == (2, True, 2)
    assert (found.places[0].more, found.places[0].others) == (1, 1)


def test_letters_that_take_too_long_leave_the_rest_of_the_page(
    group: LetterGroup, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "_SECONDS", 0.2)
    slow = Func(Value(1), function="pg_sleep", output_field=TextField())
    letters = open_letters(group).filter(Exact(Cast(slow, TextField()), ""))
    monkeypatch.setattr(spread, "open_letters", lambda group: letters)
    page = admin_client.get(f"/admin/dlq/lettergroup/{group.pk}/change/")
    assert page.status_code == 200
    assert "Reading when and where they died takes too long." in page.content.decode()
    assert "What differs" in page.content.decode()


def test_a_link_of_blanks_can_be_seen(group: LetterGroup, admin_client: Client) -> None:
    DeadLetter.objects.update(worker_release="\u2003")
    page = admin_client.get(f"/admin/dlq/lettergroup/{group.pk}/change/").content.decode()
    assert "<bdi>(blank)</bdi>" in page


def test_no_open_letter(group: LetterGroup) -> None:
    DeadLetter.objects.all().delete()
    assert read_spread(group) is None


def test_the_filters_of_the_list(group: LetterGroup) -> None:
    client = key_client("viewer")
    for query, number in (
        ("node=%3Db%232", 3), ("node=%3Db%232,a%231", 4), ("node=first%231", 0),
        ("release=4.11.3", 1), ("version=9.9.9", 0), ("node=a%231&release=4.12.0", 0),
    ):  # fmt: skip
        assert len(client.get(f"/dlq/tasks?{query}").json()["data"]) == number, query


@pytest.mark.parametrize("span", [timedelta(0), 11 * HOUR / 60, HOUR, 26 * HOUR, 800 * 24 * HOUR])
def test_steps_are_round_and_few(span: timedelta) -> None:
    times = [BEGIN, BEGIN + span / 3, BEGIN + span]
    begin, step, counts = count_steps(times)
    assert 12 <= len(counts) <= 32
    assert sum(counts) == 3
    assert begin <= BEGIN <= BEGIN + span < begin + step * len(counts)
    assert begin.second == 0
