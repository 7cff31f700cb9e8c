"""The course of a stress test. The driver is called as the dispatcher calls it."""

import pytest

from tests.stresshands import drive, drive_to, start, work

pytestmark = pytest.mark.django_db


def test_a_test_with_failures_and_dependents_passes_when_all_ends_as_planned() -> None:
    test = drive_to(start(300, failure_rate=0.1, dependent_share=0.3, seed=7), "SETTLING")
    assert test.submitted == 300
    work(test)
    test = drive_to(test, "DONE")
    assert test.verdict == "PASSED", test.report
    assert all(check["passed"] for check in test.report["checks"])
