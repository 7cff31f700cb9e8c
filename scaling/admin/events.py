"""The pages of scaling events."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.workspaces.adminaccess import InstallationPages
from scaling.admin.eventpage import describe_event
from scaling.admin.words import badge, change, decider
from scaling.models import ScalingEvent
from scaling.queries.events import get_event
from scaling.states import OPEN_EVENTS, EventState

REFRESH_SECONDS = 3
_ALL = "all"
_SENTENCE_SHOWN = 160


class StateFilter(admin.SimpleListFilter):
    """By state. Decisions that changed nothing are many, and are seen only by wish."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(_ALL, "All, with unchanged"), *EventState.choices]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The first one says what it leaves out."""
        for number, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "All but unchanged"} if number == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == _ALL:
            return queryset
        if value in EventState.values:
            return queryset.filter(state=value)
        return queryset.exclude(state=EventState.UNCHANGED)


@admin.register(ScalingEvent)
class ScalingEventAdmin(InstallationPages, ReadOnlyAdmin):
    """Decisions with their sentences; one with all it was made from and what came of it."""

    change_form_template = "admin/scaling/scalingevent/change_form.html"
    list_display = ["moment", "state_badge", "workers", "decision", "decided_by", "constraint"]
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

    class Media:
        css: ClassVar = {"all": ["controlplane/hues.css", "scaling/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without what is long and not shown in a list."""
        return super().get_queryset(request).defer("inputs")

    def describe(self, request: HttpRequest, event: Any) -> dict[str, Any]:
        """The event; while it is under way, the page loads itself anew."""
        return {
            "view": describe_event(get_event(event.id)),
            "refresh_seconds": REFRESH_SECONDS if event.state in OPEN_EVENTS else None,
            "title": "Scaling event",
            "subtitle": None,
        }

    @admin.display(description="at (UTC)")
    def moment(self, event: ScalingEvent) -> str:
        return f"{event.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="decision")
    def decision(self, event: ScalingEvent) -> str:
        return Truncator(event.sentence).chars(_SENTENCE_SHOWN)

    @admin.display(description="state")
    def state_badge(self, event: ScalingEvent) -> str:
        return badge(event)

    @admin.display(description="workers")
    def workers(self, event: ScalingEvent) -> str:
        return change(event)

    @admin.display(description="decided by")
    def decided_by(self, event: ScalingEvent) -> str:
        return decider(event)
