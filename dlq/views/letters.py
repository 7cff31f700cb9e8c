"""Letters: list, show, reprocess, discard."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from controlplane.core.views import LIST_PARAMETERS, ListView
from controlplane.workspaces.requests import WorkspaceRequest
from dlq import discard, queries, reprocess
from dlq.filters import LetterFilter, letter_filter_of_query
from dlq.reprocess import reprocess_letter_once
from dlq.serializers import (
    DiscardRequestSerializer,
    LetterDetailSerializer,
    LetterSerializer,
    ReprocessRequestSerializer,
    represent_letter,
    represent_letter_detail,
)
from dlq.views import schema
from tasks_app.selectors import in_bounded_time
from tasks_app.serializers.parsing import one_key
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView, TaskPagination
from tasks_app.views.schema import IDEMPOTENCY_KEY


class LettersView(ListView):
    """Dead letters of the workspace."""

    pagination_class = TaskPagination
    sort_fields: ClassVar = {"diedAt": "id"}
    default_sort = "-diedAt"

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_tasks_list",
        parameters=schema.FILTERS,
        responses={200: LetterSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Dead letters that match every filter, those that died last first."""
        wanted = letter_filter_of_query(request.query_params, ignore=LIST_PARAMETERS)
        with in_bounded_time(narrow_by="since and until"):
            return self.list_response(_listed(request.workspace.id, wanted), LetterSerializer)


class LetterView(FormView):
    """One letter."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_tasks_retrieve",
        responses={200: LetterDetailSerializer, **problems(404)},
    )
    def get(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """The letter with every attempt's traceback, and the letters of the same work."""
        letter = queries.get_letter(request.workspace.id, id)
        return Response(represent_letter_detail(letter, queries.get_chain(letter)))


class LetterReprocessView(FormView):
    """The work once more."""

    forms: ClassVar = {"POST": ReprocessRequestSerializer}

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_tasks_reprocess",
        parameters=[IDEMPOTENCY_KEY],
        request=ReprocessRequestSerializer,
        examples=schema.REPROCESS_EXAMPLES,
        responses={
            202: LetterSerializer,
            200: LetterSerializer,
            **problems(404, 409, 413, 422),
        },
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Submit the work again as a new task, on wish with another payload. The letter stays.

        Of a task of a workflow the run goes on from that step. 409 when the letter is not open.
        """
        asked = self.validated(
            ReprocessRequestSerializer,
            check=lambda given: reprocess.check_reprocessing(
                workspace_id=request.workspace.id, letter_id=id, payload=given.get("payload")
            ),
        )
        letter, is_new = reprocess_letter_once(
            workspace_id=request.workspace.id,
            letter_id=id,
            actor=request.actor,
            payload=asked.get("payload"),
            max_attempts=asked.get("max_attempts"),
            key=one_key(request.headers.get("Idempotency-Key"), asked.get("key")),
        )
        return Response(
            represent_letter(letter),
            status=status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK,
        )


class LetterDiscardView(FormView):
    """No more of it."""

    forms: ClassVar = {"POST": DiscardRequestSerializer}

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_tasks_discard",
        request=DiscardRequestSerializer,
        examples=schema.DISCARD_EXAMPLES,
        responses={200: LetterSerializer, **problems(404, 409, 422)},
    )
    def post(self, request: WorkspaceRequest, id: UUID) -> Response:  # noqa: A002 - the name in the API
        """Close the letter without doing its work; 409 when it is not open."""
        letter = discard.discard_letter(
            workspace_id=request.workspace.id,
            letter_id=id,
            reason=self.validated(DiscardRequestSerializer)["reason"],
            actor=request.actor,
        )
        return Response(represent_letter(letter))


def _listed(workspace_id: UUID, wanted: LetterFilter) -> QuerySet[Any]:
    # A list counts the attempts; their tracebacks are many times as long as all the rest.
    return queries.list_letters(workspace_id, wanted).defer("attempts")
