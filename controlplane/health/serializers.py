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


class HealthSerializer(serializers.Serializer[Any]):
    """`down` without the database, `degraded` without Redis."""

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


class DetailedChecksSerializer(ChecksSerializer):
    """Everything that work needs."""

    dispatcher = EngineComponentSerializer()
    workers = EngineComponentSerializer()


class DetailedHealthSerializer(HealthSerializer):
    """`degraded` also without a dispatcher or a live worker."""

    checks = DetailedChecksSerializer()
