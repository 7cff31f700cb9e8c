"""The pages of scaling events."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from controlplane.core.admin.display import time_column
from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.core.formatting import shorten
from controlplane.workspaces.adminpages import InstallationPages
from scaling.admin.eventpage import (
    describe_change,
    describe_event,
    show_change,
    show_decider,
    show_state,
)
from scaling.models import ScalingEvent
from scaling.queries.events import get_event
from scaling.queries.pool import POOL
from scaling.states import OPEN_EVENTS, EventState

REFRESH_SECONDS = 3
_ALL = "all"
_MAX_SENTENCE = 160


def _trail(event: ScalingEvent) -> list[tuple[str, str]]:
    fleet, events = "scaling_pool_changelist", "scaling_scalingevent_changelist"
    above = [("Scaling", reverse(f"admin:{fleet}")), ("Decisions", reverse(f"admin:{events}"))]
    return [*above, (describe_change(event), "")]


class StateFilter(admin.SimpleListFilter):
    """By state. Decisions without a change are numerous, and hidden unless they are selected."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(_ALL, "All"), *EventState.choices]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The first choice shows that some are hidden."""
        for number, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "Changes only"} if number == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == _ALL:
            return queryset
        if value in EventState.values:
            return queryset.filter(state=value)
        return queryset.exclude(state=EventState.UNCHANGED)


@admin.register(ScalingEvent)
class ScalingEventAdmin(InstallationPages, ReadOnlyAdmin):
    """Decisions of the autoscaler, with their inputs and outcomes."""

    exported = "scaling-events"
    change_form_template = "scaling/event.html"
    list_display = [
        time_column("at", "time"),
        "status",
        "workers",
        "decision",
        "decided_by",
        "constraint",
    ]
    list_display_links = ["decision"]
    list_filter = [StateFilter, "trigger", "rule", "constraint"]
    search_fields = ["sentence", "outcome", "actor_label"]
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []  # no other order has an index
    fieldsets = [
        (
            "Record",
            {
                "classes": ["collapse"],
                "fields": [
                    "id", "at", "finished_at", "backend", "strategy", "rule", "constraint",
                    "recommended_workers", "config_version", "term", "trigger", "actor_kind",
                    "actor_label", "workspace_id", "interrupted_tasks",
                ],
            },
        )
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those of the only pool, which is what the indexes begin with."""
        return super().get_queryset(request).filter(pool_id=POOL).defer("inputs")

    def describe(self, request: HttpRequest, event: Any) -> dict[str, Any]:
        return {
            **describe_event(get_event(event.id)),
            "refresh_seconds": REFRESH_SECONDS if event.state in OPEN_EVENTS else None,
            "title": describe_change(event),
            "trail": _trail(event),
            "subtitle": None,
        }

    @admin.display(description="decision")
    def decision(self, event: ScalingEvent) -> str:
        return shorten(event.sentence, _MAX_SENTENCE)

    @admin.display(description="state")
    def status(self, event: ScalingEvent) -> str:
        return show_state(event)

    @admin.display(description="workers")
    def workers(self, event: ScalingEvent) -> str:
        return show_change(event)

    @admin.display(description="decided by")
    def decided_by(self, event: ScalingEvent) -> str:
        return show_decider(event)
