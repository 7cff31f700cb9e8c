"""What only the environment changes: retention, and the product itself."""

import platform
from dataclasses import dataclass
from typing import Any

import django
import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from controlplane import __version__
from controlplane.ops.configuration.queries import (
    TableSize,
    read_server_version,
    read_table_sizes,
)
from controlplane.ops.configuration.scaling import require_role_anywhere
from controlplane.ops.configuration.sections import render
from controlplane.ops.configuration.sources import (
    Value,
    describe,
    find_source,
    read_mode,
)
from tasks_app.queries.engine_health import view_leader

DISPATCHER = "dispatcher"
PRUNES_EVERY_SECONDS = 60  # of tasks_app.upkeep


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept how long. Several tables are summed up; `size` is None for a missing one."""

    title: str
    days: int
    variable: str
    source: str
    size: TableSize | None


_KEPT: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("Ended tasks and workflow runs", "RETENTION_DAYS", "", (
        "tasks_app_task", "tasks_app_tasktag", "tasks_app_taskdependency",
        "workflows_workflowrun", "workflows_runstep",
    )),
    ("Attempts and ended nodes", "ATTEMPT_RETENTION_DAYS", "", (
        "tasks_app_taskattempt", "workers_node",
    )),
    ("Log lines", "LOG_RETENTION_DAYS", "", ("tasks_app_tasklog",)),
    ("Firings of schedules", "SCHEDULE_RETENTION_DAYS", "", ("schedules_firing",)),
    ("Dead letters, groups, replays", "DLQ_RETENTION_DAYS", "", (
        "dlq_deadletter", "dlq_lettergroup", "dlq_replay",
    )),
    ("Bulk operations", "OPERATION_RETENTION_DAYS", "", (
        "operations_operation", "operations_operationitem",
    )),
    ("Roll-ups", "ROLLUP_RETENTION_DAYS", "", ("tasks_app_rollup",)),
    ("Audit log", "AUDIT_RETENTION_DAYS", "", ("workspaces_auditevent",)),
    ("Scaling events", "SCALING_RETENTION_DAYS", "scaling", ("scaling_scalingevent",)),
    ("Stress tests", "STRESS_RETENTION_DAYS", "stress", ("stress_stresstest",)),
)  # fmt: skip


def retention(request: HttpRequest) -> HttpResponse:
    """How long history is kept, how much there is, and whether it is being removed."""
    require_role_anywhere(request)
    sizes = read_table_sizes([name for *_, names in _KEPT for name in names])
    rows = [
        Kept(title, _days(variable, where), variable, find_source(variable), _sum(names, sizes))
        for title, variable, where, names in _KEPT
    ]
    return render(
        request,
        "retention",
        rows=rows,
        total=sum(each.size.bytes for each in rows if each.size),
        leader=view_leader(DISPATCHER),
        every_seconds=PRUNES_EVERY_SECONDS,
    )


def _days(variable: str, where: str) -> int:
    places: dict[str, Any] = {
        "": settings.TASKPLANE,
        "scaling": settings.TASKPLANE_SCALING,
        "stress": settings.TASKPLANE_STRESS,
    }
    name = "RETENTION_DAYS" if where else variable
    return int(places[where][name])


def _sum(names: tuple[str, ...], sizes: dict[str, TableSize]) -> TableSize | None:
    found = [sizes[name] for name in names if name in sizes]
    if not found:
        return None
    # The first table has the things themselves, the others what belongs to them.
    return TableSize(sum(each.bytes for each in found), found[0].rows)


def product(request: HttpRequest) -> HttpResponse:
    """The version, and what the installation runs on."""
    require_role_anywhere(request)
    return render(
        request,
        "product",
        version=__version__,
        facts=_list_facts(),
        settings=_list_settings(),
        environment=settings.TASKPLANE["ENVIRONMENT_NAME"],
    )


def _list_facts() -> list[tuple[str, str]]:
    """Without addresses and users of servers, which are no business of a viewer."""
    embedded = {True: "embedded", False: "external"}
    return [
        ("Version", __version__),
        ("Postgres", f"{read_server_version()}, {embedded[settings.EMBEDDED_POSTGRES]}"),
        ("Valkey or Redis", embedded[settings.EMBEDDED_VALKEY]),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("Client of Redis", redis.__version__),
    ]


def _list_settings() -> list[Value]:
    values = settings.TASKPLANE
    return [
        describe("Mode", read_mode(), "TASKPLANE_ENV"),
        describe("Name on the badge", values["ENVIRONMENT_NAME"], "TASKPLANE_ENVIRONMENT_NAME"),
        describe(
            "Colour of the badge", values["ENVIRONMENT_COLOUR"], "TASKPLANE_ENVIRONMENT_COLOUR"
        ),
        describe("HTTP server", values["HTTP_SERVER"], "TASKPLANE_HTTP_SERVER"),
        describe("This app serves", values["SERVES"], "TASKPLANE_SERVES"),
        describe("Trusted proxies in front", values["TRUSTED_PROXIES"], "TRUSTED_PROXIES"),
        describe("Requests a minute of a key", values["RATE_LIMIT_PER_KEY"], "RATE_LIMIT_PER_KEY"),
        describe(
            "Requests a minute of a workspace",
            values["RATE_LIMIT_PER_WORKSPACE"],
            "RATE_LIMIT_PER_WORKSPACE",
        ),
        describe("Bytes of a payload", values["PAYLOAD_MAX_BYTES"], "PAYLOAD_MAX_BYTES"),
    ]
