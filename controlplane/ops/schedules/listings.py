"""The lists of schedules and firings, and the views of them that are shipped."""

from controlplane.core.schema.values import Flag
from controlplane.ops.schedules.states import FiringKind, FiringState, Overlap, SkipReason, Source
from controlplane.workspaces.lists import (
    ListFilter,
    SavableList,
    ShippedView,
    choice,
    register,
    search,
)

SCHEDULES = SavableList(
    "schedules",
    "Schedules",
    path="admin/schedules/schedule/",
    api="cron/jobs",
    filters=(
        ListFilter(
            "enabled",
            "Enabled",
            Flag(empty=None),
            page="periodic_task__enabled__exact",
            as_page={"true": "1", "false": "0"},
        ),
        choice("source", "Source", Source.values, page="source__exact"),
        choice("overlap", "Overlap", Overlap.values, page="overlap__exact"),
        search(),
    ),
    shipped=(
        ShippedView("paused", "Paused", "Schedules that are paused.", {"enabled": "false"}),
        ShippedView("from-code", "From code", "Schedules of installed apps.", {"source": "code"}),
    ),
    is_by_workspace=False,
)
FIRINGS = SavableList(
    "firings",
    "Firings",
    path="admin/schedules/firing/",
    api="",
    filters=(
        choice("status", "State", FiringState.values, page="state__exact", api=None),
        choice("kind", "Trigger", FiringKind.values, page="kind__exact", api=None),
        choice("reason", "Skipped because", SkipReason.values, page="skip_reason__exact", api=None),
        search(api=None),
    ),
    shipped=(
        ShippedView("failed", "Failed", "Firings whose work failed.", {"status": "FAILED"}),
        ShippedView(
            "missed", "Missed", "Times at which no dispatcher fired.", {"reason": "MISSED"}
        ),
        ShippedView(
            "overlapped",
            "Overlapped",
            "Times at which the firing before had not ended.",
            {"reason": "OVERLAP"},
        ),
    ),
    is_by_workspace=False,
)
register(SCHEDULES, FIRINGS)
