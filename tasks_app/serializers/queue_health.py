"""What queues hold, as JSON."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from tasks_app.selectors.queue_health import QueueHealth

COUNTS = ("active", "waiting", "delayed", "blocked", "completed", "failed")


class QueueCountsSerializer(serializers.Serializer[Any]):
    """`active` runs, `waiting` is ready, `delayed` waits for a time or a back-off, `blocked` for
    parents: tasks, now. `completed` and `failed` are attempts of the last 24 hours."""

    active = serializers.IntegerField()
    waiting = serializers.IntegerField()
    delayed = serializers.IntegerField()
    blocked = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()


class NamedQueueCountsSerializer(QueueCountsSerializer):
    """Of one queue."""

    name = serializers.CharField()


class QueueHealthSerializer(QueueCountsSerializer):
    """Of all queues of the workspace, and of each."""

    queues = NamedQueueCountsSerializer(many=True)


def represent_queue_health(found: list[QueueHealth]) -> dict[str, Any]:
    """What QueueHealthSerializer describes."""
    total = {name: sum(getattr(each, name) for each in found) for name in COUNTS}
    return {**total, "queues": [asdict(each) for each in found]}
