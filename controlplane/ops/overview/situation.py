"""The findings as rows of the first panel."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from controlplane.core.admin.charts import Spark, draw_spark
from controlplane.core.formatting import format_clock, format_duration, format_time
from controlplane.core.visibletext import isolated_text
from controlplane.ops.overview.access import permission_of
from controlplane.ops.overview.checks import Finding, Harm, Link
from controlplane.ops.overview.facts import up_to_now
from tasks_app.descriptors import Descriptor

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as it is drawn. `shape` is a state of shapes.py; `lasted` and `since` are words,
    `runs` the ends of single runs, the newest last. `owner` and `runbook` are those of the queue or
    the task type that it is about, if they have some; `permission` is what its link needs."""

    key: str
    shape: str
    subject: str
    says: str
    why: str
    url: str
    action: str
    lasted: str
    since: str
    since_at: datetime | None
    exact: str
    caption: str
    words: str
    owner: str
    runbook: str
    permission: str
    spark: Spark | None = None
    runs: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The key as a part of a live path."""
        return self.key.replace("~", "~0").replace("/", "~1")


def describe_findings(
    findings: list[Finding],
    at: datetime,
    describe: Callable[[Finding], Descriptor],
    *,
    is_live: bool = False,
) -> list[FindingRow]:
    """In the same order. `describe` has what people say of the subject. `is_live`: without the
    values of this moment in lines, which would be drawn again each second."""
    return [_row(finding, at, describe(finding), is_live) for finding in findings]


def _row(finding: Finding, at: datetime, described: Descriptor, is_live: bool) -> FindingRow:
    evidence = finding.evidence
    spark = None
    if evidence is not None and sum(value is not None for value in evidence.values) > 1:
        values = evidence.values
        if evidence.now is not None and not is_live:
            values = up_to_now(values, evidence.now)
        spark = draw_spark(values, evidence.words, tone="failed", target=evidence.target)
    is_well = finding.well_since is not None
    since_at = finding.well_since or finding.since
    is_paused = finding.harm == Harm.PAUSED
    return FindingRow(
        key=finding.key,
        shape="COMPLETED" if is_well else "PAUSED" if is_paused else "FAILED",
        subject=finding.subject,
        says=finding.says,
        why=finding.why,
        url=find_url(finding.link),
        action=finding.action,
        lasted=describe_lasted(finding, at),
        since=_since(finding, at),
        since_at=since_at,
        exact="" if since_at is None else format_time(since_at),
        caption="" if evidence is None or not (spark or evidence.completed) else evidence.caption,
        words="" if evidence is None else evidence.words,
        owner=isolated_text(described.owner) if described.owner else "",
        runbook=described.runbook,
        permission=permission_of(finding),
        spark=spark,
        runs=[]
        if evidence is None
        else ["COMPLETED" if done else "FAILED" for done in evidence.completed],
    )


def find_url(link: Link) -> str:
    """The address of a page of the site."""
    address: str = reverse(f"admin:{link.page}", args=[_text(each) for each in link.arguments])
    return f"{address}?{link.query}" if link.query else address


def _text(argument: Any) -> str:
    return str(argument)


def describe_lasted(finding: Finding, at: datetime) -> str:
    """For how long it has been so; empty for what is well again, or has no known start."""
    if finding.well_since is not None or finding.since is None:
        return ""
    span = max(timedelta(), at - finding.since)
    if span < timedelta(minutes=1):
        return "just now"
    if span < _HOUR:
        return f"{int(span.total_seconds() // 60)} min"
    return format_duration(span.total_seconds() // 60 * 60)


def _since(finding: Finding, at: datetime) -> str:
    moment = finding.well_since or finding.since
    if moment is None:
        return ""
    clock = format_clock(moment, at)
    if finding.well_since is not None:
        return f"well since {clock}"
    return f"{'at' if finding.is_moment else 'since'} {clock}"
