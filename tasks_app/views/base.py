"""What the views of tasks have in common."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, Serializer

from controlplane.core.errors import Invalid
from controlplane.core.http.pagination import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_OFFSET,
    ListPagination,
    count_or_estimate,
)
from controlplane.core.http.serializers import StrictSerializer
from controlplane.core.http.views import ApiView
from tasks_app.selectors.lists import estimate_count, in_bounded_time

_COUNT_SECONDS = 1.0


class FormView(ApiView):
    """A view whose forms in the browsable API begin with an example of the body."""

    forms: ClassVar[Mapping[str, type[BaseSerializer[Any]]]] = {}

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """REST framework's browsable renderer asks for the form of the request's method."""
        return self.forms.get(self.request.method or "", Serializer)()


class TaskPagination(ListPagination):
    """A list whose total is guessed when counting takes long, since no index serves a filter."""

    def _count(self, queryset: QuerySet[Any], found: Any) -> tuple[int, bool]:
        if self._page == 1 and len(found) <= self._limit:
            return len(found), False
        try:
            with in_bounded_time(_COUNT_SECONDS):
                return count_or_estimate(queryset)
        except Invalid:
            return max(estimate_count(queryset), len(found)), True


class _PageSerializer(StrictSerializer):
    page = serializers.IntegerField(default=1, min_value=1, max_value=MAX_OFFSET)
    limit = serializers.IntegerField(default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT)


class ValuesPagination(ListPagination):
    """A list of values in memory, by page."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page of a sequence. Raises ValidationError."""
        asked = _PageSerializer(data=_given(request))
        asked.is_valid(raise_exception=True)
        self._page, self._limit = asked.validated_data["page"], asked.validated_data["limit"]
        self._total, self._is_estimate, self._next = len(queryset), False, None
        first = (self._page - 1) * self._limit
        return list(queryset[first : first + self._limit])

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Only what it takes."""
        taken = super().get_schema_operation_parameters(view)
        return [each for each in taken if each["name"] in ("page", "limit")]


def _given(request: Request) -> dict[str, str]:
    return {n: str(v) for n, v in request.query_params.items() if n not in ("format", "internal")}
