"""Since when: the time of day for a day, from then on the date with its zone."""

from dataclasses import replace
from datetime import timedelta

from controlplane.ops.overview.checks import Finding, Harm, Link
from controlplane.ops.overview.recent import REDIS_DOWN
from controlplane.ops.overview.situation import describe_findings, find_url
from tasks_app.descriptors import Descriptor
from tests.unit.overview.facts import AT

FINDING = Finding("a", Harm.LATE, "It", "is late.", Link("workers_node_changelist"), "Open workers")


def since(finding):
    (row,) = describe_findings([finding], AT, lambda _finding: Descriptor())
    return row.since


def test_since_has_the_date_and_its_zone_from_a_day_on():
    assert since(FINDING) == ""
    assert since(replace(FINDING, since=AT - timedelta(hours=2))) == "since 01:17"
    old = replace(FINDING, since=AT - timedelta(days=2))
    assert since(old) == "since 2026-11-25 03:17 UTC"
    assert since(replace(old, is_moment=True)) == "at 2026-11-25 03:17 UTC"
    assert since(replace(old, well_since=AT)) == "well since 03:17"


def test_silence_of_redis_leads_to_the_workers():
    assert find_url(REDIS_DOWN.link) == "/admin/workers/node/"
