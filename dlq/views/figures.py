"""Figures and groups."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from controlplane.core.views import ApiView
from controlplane.workspaces.requests import WorkspaceRequest
from dlq import queries
from dlq.serializers import GroupSerializer, LetterStatsSerializer
from tasks_app.selectors import in_bounded_time
from tasks_app.serializers.problems import problems
from tasks_app.views.base import FormView, ValuesPagination


class LetterStatsView(FormView):
    """Figures."""

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_stats",
        responses={200: LetterStatsSerializer, **problems()},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Letters by status, category, type and day, the oldest open one, and the groups."""
        with in_bounded_time():
            found = queries.get_letter_stats(request.workspace.id)
        return Response(LetterStatsSerializer(found).data)


class LetterGroupsView(ApiView):
    """Groups of equal failures."""

    pagination_class = ValuesPagination

    @extend_schema(
        tags=["dead letters"],
        operation_id="dlq_groups_list",
        responses={200: GroupSerializer(many=True), **problems(422)},
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Open letters by their failure: the fifty greatest groups."""
        with in_bounded_time():
            groups = queries.list_groups(request.workspace.id)
        pages = self.pagination_class()
        rows = pages.paginate_queryset(groups, request, self)
        return pages.get_paginated_response(GroupSerializer(rows, many=True).data)
