"""One verb for many letters."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.errors import FieldError, Invalid
from controlplane.workspaces.requests import WorkspaceRequest
from dlq import bulk, replays
from dlq.serializers import (
    LetterActionRequestSerializer,
    LetterActionResultSerializer,
    ReplayStartedSerializer,
)
from dlq.serializers.requests import NO_CANARY
from dlq.views import schema
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView
from tasks_app.views.schema import IDEMPOTENCY_KEY


class LetterActionsView(FormView):
    """One verb for many letters."""

    forms: ClassVar = {"POST": LetterActionRequestSerializer}

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_act",
        parameters=[IDEMPOTENCY_KEY],
        request=LetterActionRequestSerializer,
        examples=schema.ACTION_EXAMPLES,
        responses={
            200: LetterActionResultSerializer,
            202: ReplayStartedSerializer,
            **problems(409, 413, 422),
        },
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Reprocess or discard many open letters.

        With `ratePerSecond` or `canary` the letters are reprocessed by a replay (202): the
        dispatcher submits them at that rate and in stages, and stops when too many fail again.
        Without, it is done when the call answers (200). A dry run only counts.
        """
        asked = self.validated(LetterActionRequestSerializer)
        key = one_key(request.headers.get("Idempotency-Key"), asked.get("key"))
        if asked["is_replay"] and not asked["dry_run"]:
            return self._start(request, asked, key)
        if key is not None and not asked["dry_run"]:
            # Ignored, it would promise that a repeated call does nothing.
            message = "Of a replay only: add canary or ratePerSecond, or leave the key out."
            raise Invalid(errors=[FieldError(field="idempotencyKey", message=message)])
        done = bulk.act_on_letters(
            workspace_id=request.workspace.id,
            action=asked["action"],
            letter_filter=asked["wanted"],
            actor=request.actor,
            dry_run=asked["dry_run"],
            payload=asked.get("payload"),
            max_attempts=asked.get("max_attempts"),
            reason=asked.get("reason", ""),
        )
        body = LetterActionResultSerializer(done, context={"dry_run": asked["dry_run"]}).data
        return Response(body)

    def _start(self, request: WorkspaceRequest, asked: dict[str, Any], key: str | None) -> Response:
        canary = asked.get("canary") or NO_CANARY
        replay = replays.start_replay(
            workspace_id=request.workspace.id,
            letter_filter=asked["wanted"],
            actor=request.actor,
            payload=asked.get("payload"),
            max_attempts=asked.get("max_attempts"),
            rate_per_second=asked.get("rate_per_second"),
            stages=canary.stages,
            max_failure_share=canary.max_failure_share,
            key=key,
        )
        return Response(ReplayStartedSerializer(replay).data, status=status.HTTP_202_ACCEPTED)
