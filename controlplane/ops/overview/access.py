"""Which sentences somebody may open. The page leaves the others out; live data is read once for all
who watch, so it names the permission of each, and the browser leaves out what the page would."""

from collections import Counter
from collections.abc import Callable, Iterable

from controlplane.core.admin.navigation import find_permission, list_permissions
from controlplane.ops.overview.checks import Finding

May = Callable[[str], bool]


def permission_of(finding: Finding) -> str:
    """What opening the page behind the sentence needs; empty if everybody may."""
    return find_permission(finding.link.page)


def may_open(finding: Finding, may: May) -> bool:
    """Whether the person may open the page behind the sentence."""
    needed = permission_of(finding)
    return not needed or may(needed)


def list_lacking(may: May) -> list[str]:
    """The permissions of pages that the person does not have."""
    return [each for each in list_permissions() if not may(each)]


def count_wrong(findings: Iterable[Finding]) -> Counter[str]:
    """How many things are wrong now, by the permission of their page."""
    found: Counter[str] = Counter()
    for each in findings:
        found[permission_of(each)] += each.wrong
    return found
