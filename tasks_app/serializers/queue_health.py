# ruff: noqa: N815 - fields have their names in the API
"""What queues hold, as JSON."""

from typing import Any

from rest_framework import serializers

from tasks_app.selectors.queue_health import QueueHealth, QueuesHealth

_TASKS = ("active", "waiting", "delayed", "blocked", "completed", "failed", "cancelled")
_ATTEMPTS = ("succeeded_attempts", "failed_attempts")


class AttemptCountsSerializer(serializers.Serializer[Any]):
    """Attempts that ended within the last 24 hours, whole hours."""

    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="They failed, timed out or were lost.")


class QueueCountsSerializer(serializers.Serializer[Any]):
    """Tasks that exist: `active` ones run, `waiting` ones are ready, `delayed` ones wait for a time
    or a back-off, `blocked` ones for parents; the others have ended."""

    active = serializers.IntegerField()
    waiting = serializers.IntegerField()
    delayed = serializers.IntegerField()
    blocked = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    attemptsLast24h = AttemptCountsSerializer()


class NamedQueueCountsSerializer(QueueCountsSerializer):
    """Of one queue."""

    name = serializers.CharField()


class QueueHealthSerializer(QueueCountsSerializer):
    """Of all queues of the workspace, and of each."""

    isEstimate = serializers.BooleanField(
        help_text="Whether a queue has more unfinished tasks of one state than are counted."
    )
    queues = NamedQueueCountsSerializer(many=True)


def represent_queue_health(found: QueuesHealth) -> dict[str, Any]:
    """What QueueHealthSerializer describes."""
    names = (*_TASKS, *_ATTEMPTS)
    sums = {name: sum(getattr(each, name) for each in found.queues) for name in names}
    return {
        **_counts(QueueHealth(name="", **sums)),
        "isEstimate": found.is_estimate,
        "queues": [{"name": each.name, **_counts(each)} for each in found.queues],
    }


def _counts(queue: QueueHealth) -> dict[str, Any]:
    return {
        **{name: getattr(queue, name) for name in _TASKS},
        "attemptsLast24h": {
            "succeeded": queue.succeeded_attempts,
            "failed": queue.failed_attempts,
        },
    }
