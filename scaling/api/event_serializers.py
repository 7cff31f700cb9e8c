# ruff: noqa: N815 - fields have their names in the API
"""Scaling events as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.http.serializers import BoundField, StrictSerializer, UtcDateTimeField
from controlplane.workspaces.states import ActorKind
from scaling.queries.events import EventFilter
from scaling.states import EventState, LaunchState, Trigger


class VictimSerializer(serializers.Serializer[Any]):
    """A worker that was chosen to be terminated."""

    node = serializers.IntegerField(allow_null=True, help_text="Id in `/system/nodes`.")
    name = serializers.CharField()
    reason = serializers.CharField()


class LaunchSerializer(serializers.Serializer[Any]):
    """A requested worker."""

    key = serializers.CharField(help_text="The back-end's name for it; empty if it has none yet.")
    askedAt = UtcDateTimeField(source="asked_at")
    endedAt = UtcDateTimeField(
        source="ended_at", allow_null=True, help_text="When it was ready, cancelled or failed."
    )
    startMs = serializers.SerializerMethodField(
        help_text="Milliseconds from the request until it was ready; null if it is not."
    )
    state = serializers.ChoiceField(choices=LaunchState.choices)
    nodeId = serializers.IntegerField(source="node_id", allow_null=True)
    problem = serializers.SerializerMethodField()

    def get_startMs(self, launch: Any) -> int | None:  # noqa: N802 - named after its field
        if launch.state != LaunchState.READY:
            return None
        return _milliseconds(launch.asked_at, launch.ended_at)

    def get_problem(self, launch: Any) -> str | None:
        return launch.problem or None


class EventActorSerializer(serializers.Serializer[Any]):
    """Who decided."""

    kind = serializers.ChoiceField(source="actor_kind", choices=ActorKind.choices)
    label = serializers.CharField(source="actor_label")  # type: ignore[assignment] # its name in the API


class EventSerializer(serializers.Serializer[Any]):
    """A decision on the number of workers, and what came of it."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        # After the id and the time; `from` cannot be the name of an attribute.
        between = {
            "from": serializers.IntegerField(
                source="from_workers", help_text="Workers that were ready or starting."
            ),
            "recommended": serializers.IntegerField(
                source="recommended_workers", help_text="Before limits and stabilisation."
            ),
            "to": serializers.IntegerField(source="to_workers"),
        }
        first = [*fields][: [*fields].index("sentence")]
        head = {name: fields.pop(name) for name in first}
        return {**head, **between, **fields}

    id = serializers.UUIDField()
    at = UtcDateTimeField()
    trigger = serializers.ChoiceField(choices=Trigger.choices)
    backend = serializers.CharField()
    strategy = serializers.SerializerMethodField()
    rule = serializers.CharField(help_text="Rule that decided the number.")
    constraint = serializers.SerializerMethodField(
        help_text="What kept the number from being the recommended one; null: nothing."
    )
    sentence = serializers.CharField(help_text="The decision in a sentence.")
    state = serializers.ChoiceField(choices=EventState.choices)
    outcome = serializers.SerializerMethodField(help_text="What came of it, in a sentence.")
    finishedAt = UtcDateTimeField(source="finished_at", allow_null=True)
    durationMs = serializers.SerializerMethodField(
        help_text="Milliseconds from the decision to its end."
    )
    victims = VictimSerializer(many=True)
    launches = LaunchSerializer(many=True)
    interruptedTasks = serializers.IntegerField(
        source="interrupted_tasks", help_text="Attempts that ended with a terminated node."
    )
    actor = EventActorSerializer(source="*")
    configVersion = serializers.IntegerField(source="config_version")

    def get_strategy(self, event: Any) -> str | None:
        return event.strategy or None

    def get_constraint(self, event: Any) -> str | None:
        return event.constraint if event.constraint not in ("", "none") else None

    def get_outcome(self, event: Any) -> str | None:
        return event.outcome or None

    def get_durationMs(self, event: Any) -> int | None:  # noqa: N802 - named after its field
        return _milliseconds(event.at, event.finished_at)


class EventDetailSerializer(EventSerializer):
    """An event with all that it was decided from: enough to decide it again."""

    inputs = serializers.JSONField()


class EventQuerySerializer(StrictSerializer):
    """Filters of events."""

    state = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text=f"Comma-separated list of {', '.join(EventState.values)}; default: all but "
        "UNCHANGED.",
    )
    trigger = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text="Comma-separated list of strategy, person.",
    )
    rule = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="Comma-separated list of rules."
    )
    since = BoundField(required=False, default=None, help_text="Decided at this time or later.")
    until = BoundField(required=False, default=None, help_text="Decided before this time.")
    unchanged = serializers.BooleanField(
        required=False, default=False, help_text="Include decisions that changed nothing."
    )


def event_filter(values: dict[str, Any]) -> EventFilter:
    """The filter of a query. Raises Invalid."""
    return EventFilter(
        states=_split(values["state"].upper(), "state", EventState.values),
        triggers=_split(values["trigger"].lower(), "trigger", Trigger.values),
        rules=_split(values["rule"], "rule"),
        since=values["since"],
        until=values["until"],
        unchanged=values["unchanged"],
    )


def _split(text: str, field: str, known: list[str] | None = None) -> tuple[str, ...]:
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    wrong = [part for part in parts if (part not in known if known else "\x00" in part)]
    if wrong:
        message = f"It must be one of {', '.join(known)}." if known else "It must not contain NUL."
        raise Invalid(errors=[FieldError(field=field, message=message)])
    return parts


def _milliseconds(start: Any, end: Any) -> int | None:
    return None if end is None else max(0, round((end - start).total_seconds() * 1000))
