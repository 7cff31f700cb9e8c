"""Counts of dead letters are those of the rows, whatever makes, closes or removes a letter."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.core.clock import now
from controlplane.core.schema.filters import read_body
from controlplane.core.sql import load_sql
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import Workspace
from dlq import discard, recording, reprocess
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, LetterCount, LetterCountChange
from dlq.queries import get_letter_stats, letters
from tests.clients import other_workspace
from tests.factories import copy_letter, make_error, make_letter

pytestmark = pytest.mark.django_db


def check(workspace: Workspace) -> None:
    """The statistics say what the rows say."""
    rows = list(DeadLetter.objects.filter(workspace=workspace))
    is_open = [row for row in rows if row.status == "OPEN"]
    found = get_letter_stats(workspace.id)
    statuses = Counter(row.status for row in rows)
    assert {name: count for name, count in found.by_status.items() if count} == statuses
    assert (found.open, found.total) == (len(is_open), len(rows))
    assert found.by_category == Counter(row.category for row in is_open)
    assert found.by_type == Counter(row.type for row in is_open)
    days = Counter(f"{row.died_at:%Y-%m-%d}" for row in rows)
    assert {day: count for day, count in found.by_day.items() if count} == days
    groups = {group.fingerprint: (group.count, group.types) for group in found.groups}
    assert groups == {
        name: (len(types), sorted(set(types))) for name, types in types_by_group(is_open).items()
    }


def types_by_group(rows: list[DeadLetter]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.fingerprint, []).append(row.type)
    return found


def test_deaths_closures_and_retention(workspace: Workspace, ada: Actor) -> None:
    made = [make_letter(make_error(f"order {n} is stuck")) for n in range(4)]
    made.append(make_letter(make_error("order 9 is stuck"), type="test-raise"))
    make_letter(make_error("another", name="OSError", category="NETWORK"))
    make_letter(workspace=other_workspace())
    check(workspace)
    discard.discard_letter(workspace_id=workspace.id, letter_id=made[0].id, reason="no", actor=ada)
    reprocess.reprocess_letter(workspace_id=workspace.id, letter_id=made[1].id, actor=ada)
    check(workspace)
    assert not recording.fold_letter_counts()
    check(workspace)
    old = now() - timedelta(days=3_000)
    DeadLetter.objects.filter(id__in=[made[0].id, made[2].id]).update(died_at=old)
    assert recording.prune_letters(10) == 2
    check(workspace)
    recording.fold_letter_counts()
    check(workspace)
    check(other_workspace())


@pytest.mark.parametrize("is_folded", [False, True])
@pytest.mark.parametrize(
    ("wanted", "total"),
    [
        ({}, 5),
        ({"status": ["OPEN"]}, 4),
        ({"status": ["DISCARDED", "OPEN"]}, 5),
        ({"status": ["OPEN"], "category": ["NETWORK"]}, 1),
        ({"status": ["OPEN"], "type": ["test-echo", "test-raise"]}, 4),
        ({"status": ["OPEN"], "fingerprint": ["0000000000000000"]}, 0),
        ({"type": ["test-echo"]}, None),
        ({"status": ["OPEN"], "type": ["test-echo"], "category": ["CODE"]}, None),
        ({"status": ["OPEN"], "queue": ["default"]}, None),
    ],
)
def test_the_total_of_a_list(
    workspace: Workspace,
    ada: Actor,
    wanted: dict[str, list[str]],
    total: int | None,
    is_folded: bool,
) -> None:
    closed, *_ = [make_letter() for _ in range(3)]
    make_letter(make_error(category="NETWORK"))
    make_letter(type="test-raise")
    make_letter(workspace=other_workspace())
    discard.discard_letter(workspace_id=workspace.id, letter_id=closed.id, reason="no", actor=ada)
    if is_folded:
        recording.fold_letter_counts()
    letter_filter = read_body(LetterFilter, wanted)
    assert letters.find_total(workspace.id, letter_filter) == total
    if total is not None:
        assert letters.count_letters(workspace.id, letter_filter, limit=9) == total


def test_the_total_is_counted_while_too_many_changes_wait(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_letter()
    monkeypatch.setattr(letters, "MAX_CHANGES", 6)
    assert letters.find_total(workspace.id, LetterFilter()) is None


def test_what_counts_nothing_is_removed_when_folded(workspace: Workspace) -> None:
    make_letter()
    recording.fold_letter_counts()
    assert LetterCount.objects.count() == 6
    DeadLetter.objects.all().delete()
    assert LetterCountChange.objects.count() == 6
    recording.fold_letter_counts()
    assert (LetterCount.objects.count(), LetterCountChange.objects.count()) == (0, 0)
    check(workspace)


def test_a_batch_of_folding_is_bounded(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_FOLDED_AT_ONCE", 4)
    make_letter()
    assert recording.fold_letter_counts()
    assert LetterCountChange.objects.count() == 2
    check(workspace)
    assert not recording.fold_letter_counts()
    check(workspace)


def fill_groups(sizes: dict[str, int]) -> None:
    """Letters of these failures, by their fingerprints."""
    for name, size in sizes.items():
        letter = make_letter()
        DeadLetter.objects.filter(id=letter.id).update(fingerprint=name * 16)
        letter.refresh_from_db()
        copy_letter(letter, size - 1)


def largest(workspace: Workspace, limit: int) -> list[tuple[str, int]]:
    groups = letters.list_groups(workspace.id, limit=limit)
    return [(group.fingerprint[0], group.count) for group in groups]


def test_the_largest_groups_are_exact_before_their_changes_are_folded(
    workspace: Workspace,
) -> None:
    fill_groups({"a": 4, "b": 3, "c": 2, "d": 1})
    recording.fold_letter_counts()
    assert largest(workspace, 2) == [("a", 4), ("b", 3)]
    ids = DeadLetter.objects.filter(fingerprint="a" * 16).values_list("id", flat=True)
    DeadLetter.objects.filter(id__in=list(ids[:3])).delete()
    fill_groups({"e": 5})
    assert largest(workspace, 2) == [("e", 5), ("b", 3)]
    assert largest(workspace, 3) == [("e", 5), ("b", 3), ("c", 2)]
    recording.fold_letter_counts()
    assert largest(workspace, 3) == [("e", 5), ("b", 3), ("c", 2)]


def test_equal_groups_come_newest_first(workspace: Workspace) -> None:
    fill_groups({"a": 1, "b": 1, "c": 1})
    assert largest(workspace, 2) == [("c", 1), ("b", 1)]
    recording.fold_letter_counts()
    assert largest(workspace, 2) == [("c", 1), ("b", 1)]


def test_too_many_changes_make_an_estimate(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_letter()
    recording.fold_letter_counts()
    make_letter(make_error("another"))
    assert (get_letter_stats(workspace.id).total, len(letters.list_groups(workspace.id))) == (2, 2)
    monkeypatch.setattr(letters, "MAX_CHANGES", 6)
    found = get_letter_stats(workspace.id)
    assert (found.total, len(found.groups), found.is_estimate) == (1, 1, True)


def test_no_figure_reads_the_letters_in_bulk(workspace: Workspace) -> None:
    copy_letter(make_letter(), 3_000)
    recording.fold_letter_counts()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE dlq_deadletter, dlq_lettercount, dlq_lettercountchange")
        values: dict[str, Any] = {
            "workspace": workspace.id,
            "since": "2026-01-01",
            "changes": 100,
            "limit": 50,
            "types": 20,
        }
        plans = {}
        for name in ("count_letters", "group_letters"):
            cursor.execute("EXPLAIN " + load_sql("dlq", name), values)
            plans[name] = "\n".join(line for (line,) in cursor.fetchall())
    assert "dlq_deadletter" not in plans["count_letters"]
    assert "Seq Scan on dlq_deadletter" not in plans["group_letters"]
    assert "letter_open_group" in plans["group_letters"]


def test_types_are_those_that_letters_have_had(workspace: Workspace) -> None:
    make_letter(type="b")
    make_letter(type="c", workspace=other_workspace())
    recording.fold_letter_counts()
    make_letter(type="a")
    assert letters.list_types([workspace.id]) == ["a", "b"]
    assert letters.list_types(None) == ["a", "b", "c"]
