# ruff: noqa: N815 - fields have their names in the API
"""JSON of the health addresses."""

from typing import Any

from rest_framework import serializers

from controlplane.health.selectors import DEGRADED, DOWN, OK


class ComponentSerializer(serializers.Serializer[Any]):
    """One thing that this process needs."""

    status = serializers.ChoiceField(choices=[OK, DOWN])
    latencyMs = serializers.FloatField(required=False)
    detail = serializers.CharField(required=False)


class ChecksSerializer(serializers.Serializer[Any]):
    """Everything that this process needs."""

    database = ComponentSerializer()
    redis = ComponentSerializer()
    disk = ComponentSerializer(required=False, help_text="Of the embedded database only.")


class HealthSerializer(serializers.Serializer[Any]):
    """`down` without the database; `degraded` without Redis, or when the database's disk is full or
    nearly so."""

    status = serializers.ChoiceField(choices=[OK, DEGRADED, DOWN])
    version = serializers.CharField()
    time = serializers.DateTimeField()
    checks = ChecksSerializer()


class LivenessSerializer(serializers.Serializer[Any]):
    """This process answers."""

    status = serializers.ChoiceField(choices=[OK])


class EngineComponentSerializer(ComponentSerializer):
    """One part of the engine."""

    lastSeen = serializers.DateTimeField(required=False)
    liveNodes = serializers.IntegerField(required=False)
    lostNodesLastHour = serializers.IntegerField(
        required=False, help_text="Nodes that were killed or fell silent; `detail` has the newest."
    )


class BeatComponentSerializer(ComponentSerializer):
    """Schedules: whether they fire in time."""

    status = serializers.ChoiceField(choices=[OK, DEGRADED, DOWN])
    lagMs = serializers.IntegerField(
        required=False, help_text="For how long the oldest due time has waited for a decision."
    )


class AutoscalerComponentSerializer(ComponentSerializer):
    """What sizes the fleet; `off` and `not started` are no fault."""

    status = serializers.ChoiceField(choices=[OK, DEGRADED, DOWN])
    lastSeen = serializers.DateTimeField(required=False)


class DetailedChecksSerializer(ChecksSerializer):
    """Everything that work needs."""

    dispatcher = EngineComponentSerializer()
    workers = EngineComponentSerializer()
    beat = BeatComponentSerializer()
    autoscaler = AutoscalerComponentSerializer()


class DetailedHealthSerializer(HealthSerializer):
    """`degraded` also without a dispatcher or a live worker, with late schedules, and when the
    autoscaler has stopped or cannot move its workers."""

    checks = DetailedChecksSerializer()
