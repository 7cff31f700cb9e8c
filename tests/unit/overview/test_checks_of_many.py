"""Many subjects of one kind: the first have sentences of their own, all are counted."""

from datetime import timedelta
from uuid import uuid4

import pytest

from controlplane.ops.overview.access import count_wrong
from controlplane.ops.overview.checks import run_checks
from controlplane.ops.overview.checks.engine import check_lost_nodes
from controlplane.ops.overview.checks.finding import MOST
from controlplane.ops.overview.checks.queues import check_paused_queues, check_queues
from controlplane.ops.overview.checks.work import check_schedules, check_types
from controlplane.ops.overview.facts import LostNode, TypeFact
from controlplane.ops.overview.recent import Record, merge
from controlplane.ops.schedules.queries.failing import FailingSchedule
from tasks_app.queries.rates import TypeRates
from tests.unit.overview.facts import AT, facts, queue

MANY = 12
LATE = [queue(f"q{n:02}", waiting=1, oldest_seconds=900.0 - n) for n in range(20)]
PAUSED = [queue(f"q{n}", waiting=1, paused_at=AT) for n in range(MANY)]
UNSERVED = [queue(f"q{n}", waiting=1, oldest_seconds=20.0, is_served=False) for n in range(MANY)]
FAILING = [TypeFact(TypeRates(f"t{n}", 10, 90, 10_000, 60)) for n in range(MANY)]
SCHEDULES = [
    FailingSchedule(uuid4(), f"s{n}", None, [False] * 3, [AT] * 3, None) for n in range(MANY)
]
LOST = [LostNode(n, f"vm#{n}", AT, "", 0) for n in range(MANY)]


def test_queues_beyond_the_first_are_counted_in_one_sentence():
    report = run_checks(facts(queues=LATE))
    assert [found.key for found in report.findings][-2:] == ["queue:q07", "other-queues"]
    others = report.findings[-1]
    assert f"{others.subject} {others.says}" == "12 other queues miss their wait objective."
    assert others.why == "q08, q09, q10 and 9 more."
    assert count_wrong(report.findings).total() == 20
    assert report.checked - report.passed == 20


@pytest.mark.parametrize(
    ("check", "changes", "says"),
    [
        (check_paused_queues, {"queues": PAUSED}, "4 other paused queues have tasks that wait."),
        (
            check_queues,
            {"queues": UNSERVED},
            "4 other queues without a worker have tasks that wait.",
        ),
        (check_types, {"types": FAILING}, "4 other types fail more than usual."),
        (
            check_schedules,
            {"failing": SCHEDULES, "schedules": MANY},
            "4 other schedules have failed 3 times in a row or more.",
        ),
        (check_lost_nodes, {"lost": LOST}, "7 other nodes were lost."),
    ],
)
def test_all_of_a_kind_are_counted(check, changes, says):
    findings, checked = check(facts(**changes))
    others = findings[-1]
    assert f"{others.subject} {others.says}" == says
    assert sum(found.wrong for found in findings) == MANY
    assert checked >= MANY


def test_one_more_than_the_first_has_a_sentence_of_its_own():
    findings, _ = check_queues(facts(queues=LATE[: MOST + 1]))
    assert [found.key for found in findings][-1] == "queue:q08"
    assert all(not found.keys for found in findings)


def test_what_moves_into_the_sentence_about_others_and_back_is_not_well():
    first, _ = check_queues(facts(queues=LATE))
    later = [*LATE[1:], LATE[0]]
    others = [queue(each.name, waiting=1, oldest_seconds=900.0 - n) for n, each in enumerate(later)]
    second, _ = check_queues(facts(queues=others))
    soon = AT + timedelta(seconds=1)
    assert {found.key for found in first} != {found.key for found in second}
    assert all(found.well_since is None for found in merge(Record(AT, first), second, soon))
    fewer, _ = check_queues(facts(queues=LATE[:2]))
    shown = merge(Record(AT, first), fewer, soon)
    assert "other-queues" not in [found.key for found in shown]
