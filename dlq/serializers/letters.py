# ruff: noqa: N815 - fields have their names in the API
"""A dead letter as JSON."""

from typing import Any

from rest_framework import serializers

from controlplane.core.serializers import UtcDateTimeField
from dlq.queries import LetterChain
from dlq.states import LetterStatus
from tasks_app.serializers.tasks import ErrorField
from tasks_app.states import AttemptOutcome, ErrorCategory


class LetterSerializer(serializers.Serializer[Any]):
    """A letter in a list."""

    id = serializers.UUIDField()
    taskId = serializers.UUIDField(
        source="task_id", help_text="The task that died; retention may have removed it."
    )
    name = serializers.CharField()
    type = serializers.CharField()
    queue = serializers.CharField()
    priority = serializers.IntegerField()
    tags = serializers.ListField(child=serializers.CharField())
    category = serializers.ChoiceField(choices=ErrorCategory.choices)
    fingerprint = serializers.CharField(
        help_text="What equal failures have in common: class, normalised message, top own frame."
    )
    error = ErrorField(help_text="The failure that ended it.")
    attempts = serializers.IntegerField(source="attempts_total")
    payload = serializers.JSONField(help_text="As it was when the task died.")
    diedAt = UtcDateTimeField(source="died_at")
    status = serializers.ChoiceField(choices=LetterStatus.choices)
    reprocessedTaskId = serializers.UUIDField(
        source="reprocessed_task_id", allow_null=True, help_text="The task that repeats the work."
    )
    reprocessOf = serializers.UUIDField(
        source="reprocess_of",
        allow_null=True,
        help_text="The task whose work the dead one was to repeat.",
    )
    workflowRunId = serializers.UUIDField(source="workflow_run_id", allow_null=True)
    stepKey = serializers.CharField(source="step_key", allow_null=True)
    discardReason = serializers.SerializerMethodField()
    resolvedBy = serializers.SerializerMethodField()
    resolvedAt = UtcDateTimeField(source="resolved_at", allow_null=True)

    def get_discardReason(self, letter: Any) -> str | None:  # noqa: N802 - named after its field
        return letter.discard_reason or None

    def get_resolvedBy(self, letter: Any) -> str | None:  # noqa: N802 - named after its field
        return letter.resolved_by or None


class LetterAttemptSerializer(serializers.Serializer[Any]):
    """One attempt of the task that died, as the letter keeps it."""

    attempt = serializers.IntegerField()
    workerNode = serializers.CharField(allow_null=True)
    startedAt = UtcDateTimeField(allow_null=True)
    finishedAt = UtcDateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(choices=AttemptOutcome.choices)
    error = ErrorField(allow_null=True)


class ChainLinkSerializer(serializers.Serializer[Any]):
    """Another letter of the same work."""

    id = serializers.UUIDField()
    taskId = serializers.UUIDField(source="task_id")
    category = serializers.ChoiceField(choices=ErrorCategory.choices)
    fingerprint = serializers.CharField()
    diedAt = UtcDateTimeField(source="died_at")
    status = serializers.ChoiceField(choices=LetterStatus.choices)
    reprocessedTaskId = serializers.UUIDField(source="reprocessed_task_id", allow_null=True)


class ChainSerializer(serializers.Serializer[Any]):
    """The letters of the same work before and after this one."""

    previous = ChainLinkSerializer(
        many=True, help_text="Whose reprocessing made the task that died here; at most one."
    )
    next = ChainLinkSerializer(
        many=True, help_text="The deaths of the task that repeats this one, oldest first."
    )


class LetterDetailSerializer(LetterSerializer):
    """A letter with every attempt that it keeps, and the letters of the same work."""

    attempts = LetterAttemptSerializer(many=True)  # type: ignore[assignment] # the list says how many
    attemptsTotal = serializers.IntegerField(
        source="attempts_total", help_text="Of very many attempts the middle is left out."
    )
    chain = ChainSerializer()


def represent_letter(letter: Any) -> dict[str, Any]:
    """A letter as in a list."""
    return dict(LetterSerializer(letter).data)


def represent_letter_detail(letter: Any, chain: LetterChain) -> dict[str, Any]:
    """A letter with its attempts and its chain."""
    previous = [chain.previous] if chain.previous else []
    return {
        **represent_letter(letter),
        "attempts": letter.attempts,
        "attemptsTotal": letter.attempts_total,
        "chain": {
            "previous": ChainLinkSerializer(previous, many=True).data,
            "next": ChainLinkSerializer(chain.next, many=True).data,
        },
    }
