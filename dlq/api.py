"""The HTTP API of dead letters and replays."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.http.openapi import filter_parameters
from controlplane.core.http.verbs import Answer, Listed, Views, verb
from controlplane.core.http.views import LIST_PARAMETERS
from controlplane.core.requests import current_reason, stating_reason
from controlplane.core.schema.filters import read_query
from controlplane.workspaces.actors import SUBMIT_TASKS, require_scopes
from controlplane.workspaces.bulk.calls import Call
from controlplane.workspaces.bulk.preview import find_bulk_verb
from controlplane.workspaces.bulk.schema import OperationPreview
from controlplane.workspaces.idempotency import HEADER, resolve_idempotency_key
from controlplane.workspaces.idempotent_calls import KEY_PARAMETER, idempotent
from controlplane.workspaces.permissions import WorkspaceRequest
from dlq import bulk, discard, queries, replays, reprocess
from dlq.filters import LetterFilter
from dlq.replayschema import Replay, ReplayDetail, ReplayStarted
from dlq.schema import (
    NO_CANARY,
    Discard,
    Letter,
    LetterAction,
    LetterActionResult,
    LetterDetail,
    LetterStats,
    Reprocess,
)
from tasks_app.api.base import CountedPagination
from tasks_app.queries import in_bounded_time

_ACTION_EXAMPLES = [
    OpenApiExample(
        "How many would be reprocessed",
        value={"action": "reprocess", "filter": {"category": ["NETWORK"]}, "dryRun": True},
        request_only=True,
    ),
    OpenApiExample(
        "One failure, with a canary",
        value={
            "action": "reprocess",
            "filter": {"fingerprint": "3f2a9c0d1b7e4456"},
            "canary": {"stages": [5, 50], "maxFailureShare": 0.2},
            "ratePerSecond": 20,
        },
        request_only=True,
    ),
    OpenApiExample(
        "Discard letters that are too old to matter",
        value={
            "action": "discard",
            "filter": {"until": "2026-01-01T00:00:00Z"},
            "reason": "Older than the campaign.",
        },
        request_only=True,
    ),
]
_REPROCESS_EXAMPLES = [
    OpenApiExample("Unchanged", value={}, request_only=True),
    OpenApiExample(
        "With a corrected payload",
        value={"payload": {"url": "https://shop.example/hooks/paid"}, "maxAttempts": 5},
        request_only=True,
    ),
]


def _find_letter(request: WorkspaceRequest, letter_id: UUID, **_path: Any) -> Any:
    require_scopes(request.actor, SUBMIT_TASKS)
    return queries.get_letter(request.workspace.id, letter_id)


def _check_reprocess(request: WorkspaceRequest, body: Reprocess, id: UUID) -> None:  # noqa: A002 - the name in the API
    reprocess.check_reprocessing(
        workspace_id=request.workspace.id, letter_id=id, payload=body.changes["payload"]
    )


def _call_of(request: WorkspaceRequest, body: LetterAction) -> Call:
    verb = find_bulk_verb("dead-letters", body.action)
    return Call(request.workspace.id, verb, body.selection, request.actor, body.options)


class Letters(Views):
    """Dead letters of the workspace."""

    tag = "dead letters"

    @verb(
        "GET",
        "dlq/tasks",
        name="dlq_tasks_list",
        summary="List dead letters",
        parameters=filter_parameters(LetterFilter),
        returns=Listed(Letter, {"diedAt": "id"}, "-diedAt", CountedPagination),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest) -> Any:
        """Dead letters that match every filter, the latest failure first."""
        letter_filter = read_query(LetterFilter, request.query_params, ignore=LIST_PARAMETERS)
        with in_bounded_time(narrow_by="since and until"):
            # A list counts the attempts; their tracebacks are many times as long as all the rest.
            letters = queries.list_letters(request.workspace.id, letter_filter).defer("attempts")
            return self.page(
                letters,
                find_total=lambda: queries.find_total(request.workspace.id, letter_filter),
            )

    @verb(
        "GET",
        "dlq/tasks/<uuid:id>",
        name="dlq_tasks_retrieve",
        summary="Show a dead letter",
        returns=LetterDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The letter with every attempt's traceback, and the letters of the same work."""
        return queries.get_letter(request.workspace.id, id)

    @verb(
        "POST",
        "dlq/tasks/<uuid:id>/reprocess",
        name="dlq_tasks_reprocess",
        summary="Reprocess a dead letter",
        body=Reprocess,
        check=_check_reprocess,
        examples=_REPROCESS_EXAMPLES,
        returns={202: Letter, 200: Letter},
        errors=(404, 409, 413, 422),
    )
    @idempotent(_find_letter)
    def reprocess(self, request: WorkspaceRequest, body: Reprocess, id: UUID) -> UUID:  # noqa: A002 - the name in the API
        """Submit the work again as a new task, with the same payload or another one. The letter is
        kept. If the task is a step of a workflow, its run continues from that step. 409 if the
        letter is not open.
        """
        return reprocess.reprocess_letter(
            workspace_id=request.workspace.id,
            letter_id=id,
            actor=request.actor,
            **body.changes,
        ).id

    @verb(
        "POST",
        "dlq/tasks/<uuid:id>/discard",
        name="dlq_tasks_discard",
        summary="Discard a dead letter",
        body=Discard,
        returns=Letter,
        errors=(404, 409, 422),
    )
    def discard(self, request: WorkspaceRequest, body: Discard, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Close the letter without doing its work; 409 when it is not open."""
        return discard.discard_letter(
            workspace_id=request.workspace.id,
            letter_id=id,
            reason=body.reason,
            actor=request.actor,
        )

    @verb(
        "POST",
        "dlq/actions",
        name="dlq_act",
        summary="Reprocess or discard many dead letters",
        body=LetterAction,
        parameters=[KEY_PARAMETER],
        examples=_ACTION_EXAMPLES,
        returns={200: LetterActionResult, 202: ReplayStarted},
        errors=(409, 413, 422),
    )
    def act(self, request: WorkspaceRequest, body: LetterAction) -> Any:
        """Reprocess or discard many open letters.

        With `ratePerSecond` or `canary` the letters are reprocessed by a replay (202): the
        dispatcher submits them at that rate and in stages, and stops when too many fail again.
        Without either, everything is done when the call returns (200). A dry run only counts.
        """
        with stating_reason(body.reason or current_reason()):
            return self._act(request, body)

    @verb(
        "POST",
        "dlq/actions/preview",
        name="dlq_act_preview",
        summary="Preview an action on many dead letters",
        body=LetterAction,
        examples=_ACTION_EXAMPLES,
        returns=OperationPreview,
        errors=(413, 422),
    )
    def preview_act(self, request: WorkspaceRequest, body: LetterAction) -> Any:
        """How many letters match, the first ten, and what would happen. Nothing is changed. The
        same call to `POST /dlq/actions` with the token in the answer does exactly this, for ten
        minutes.
        """
        return _call_of(request, body).preview()

    def _act(self, request: WorkspaceRequest, body: LetterAction) -> Any:
        key = resolve_idempotency_key(request.headers.get(HEADER), body.idempotency_key)
        if body.is_replay and not body.dry_run:
            # A repeated call finds its letters reprocessed: the key comes before the token.
            return self._start_replay(request, body, key)
        if key is not None and not body.dry_run:
            # Ignored, it would promise that a repeated call does nothing.
            message = "Only a replay accepts it: add canary or ratePerSecond, or leave it out."
            raise Invalid(errors=[FieldError(field="idempotencyKey", message=message)])
        _call_of(request, body).confirm(body, most=bulk.MAX_PER_CALL)
        return bulk.act_on_letters(
            workspace_id=request.workspace.id,
            action=body.action,
            letter_filter=body.letter_filter,
            actor=request.actor,
            dry_run=body.dry_run,
            **body.changes,
            reason=body.reason or current_reason(),
        )

    def _start_replay(
        self, request: WorkspaceRequest, body: LetterAction, key: str | None
    ) -> Answer:
        canary = NO_CANARY if body.canary is None else body.canary
        replay = replays.start_replay(
            workspace_id=request.workspace.id,
            letter_filter=body.letter_filter,
            actor=request.actor,
            **body.changes,
            rate_per_second=body.rate_per_second,
            stages=canary.stages,
            max_failure_share=canary.max_failure_share,
            key=key,
            confirm=lambda: _call_of(request, body).confirm(body),
        )
        return Answer(replay, 202)

    @verb(
        "GET",
        "dlq/stats",
        name="dlq_stats",
        summary="Show figures of dead letters",
        returns=LetterStats,
    )
    def stats(self, request: WorkspaceRequest) -> Any:
        """Letters by status, category, type and day, the oldest open one, and the groups."""
        with in_bounded_time():
            return queries.get_letter_stats(request.workspace.id)


class Replays(Views):
    """Replays of the workspace."""

    tag = "dead letters"

    @verb(
        "GET",
        "dlq/replays",
        name="dlq_replays_list",
        summary="List replays",
        returns=Listed(Replay, {"createdAt": "id"}),
        errors=(422,),
    )
    def list(self, request: WorkspaceRequest) -> Any:
        """Replays, newest first."""
        return queries.list_replays(request.workspace.id)

    @verb(
        "GET",
        "dlq/replays/<uuid:id>",
        name="dlq_replays_retrieve",
        summary="Show a replay",
        returns=ReplayDetail,
        errors=(404,),
    )
    def retrieve(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """The replay: its progress, the result of each stage, and the failures that remain."""
        return queries.get_replay(request.workspace.id, id)

    @verb(
        "POST",
        "dlq/replays/<uuid:id>/cancel",
        name="dlq_replays_cancel",
        summary="Cancel a replay",
        returns=ReplayDetail,
        errors=(404, 409),
    )
    def cancel(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Submit no more letters. Submitted tasks continue."""
        return replays.cancel_replay(
            workspace_id=request.workspace.id, replay_id=id, actor=request.actor
        )

    @verb(
        "POST",
        "dlq/replays/<uuid:id>/pause",
        name="dlq_replays_pause",
        summary="Pause a replay",
        returns=ReplayDetail,
        errors=(404, 409),
    )
    def pause(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Submit no letters until the replay is resumed. Submitted tasks continue, and too many
        failures among them still stop the replay."""
        return replays.pause_replay(
            workspace_id=request.workspace.id, replay_id=id, actor=request.actor
        )

    @verb(
        "POST",
        "dlq/replays/<uuid:id>/resume",
        name="dlq_replays_resume",
        summary="Resume a replay",
        returns=ReplayDetail,
        errors=(404, 409),
    )
    def resume(self, request: WorkspaceRequest, id: UUID) -> Any:  # noqa: A002 - the name in the API
        """Continue a paused replay."""
        return replays.resume_replay(
            workspace_id=request.workspace.id, replay_id=id, actor=request.actor
        )
