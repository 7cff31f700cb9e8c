"""The base of every view of the API."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.views import APIView

from controlplane.core.cursors import SortColumn
from controlplane.core.errors import Invalid
from controlplane.core.http.fieldpaths import flatten
from controlplane.core.http.listrows import list_row, read_fields
from controlplane.core.http.pagination import ListPagination
from controlplane.core.http.throttling import RateThrottle

LIST_PARAMETERS = frozenset({"page", "limit", "cursor", "sort", "fields", "format"})


class StreamedRequest(Request):
    """A request whose body may come in chunks, without a Content-Length."""

    def _load_stream(self) -> None:
        super()._load_stream()  # type: ignore[misc] # the stubs leave it out
        is_chunked = "HTTP_TRANSFER_ENCODING" in self.META and not self.META.get("CONTENT_LENGTH")
        if self._stream is None and is_chunked:
            # Without this the REST framework would take it for a request without a body.
            self._stream = self._request


class ApiView(APIView):
    """A view with roles, rate limits, and answers that no shared cache keeps.

    `required_roles` maps methods to roles; without an entry reading needs `viewer`, all else
    `operator`. `resource` is the name in a key's scopes; without it, the path's first part.
    """

    required_roles: ClassVar[Mapping[str, str]] = {}
    resource: ClassVar[str | None] = None
    throttle_classes = [RateThrottle]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """REST framework's request, ours."""
        return StreamedRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Everything here belongs to somebody."""
        done = super().finalize_response(request, response, *args, **kwargs)
        done.headers.setdefault("Cache-Control", "private, no-store")
        return done

    def validated(
        self,
        serializer: type[BaseSerializer[Any]],
        *,
        check: Callable[[Any], object] | None = None,
        **options: Any,
    ) -> Any:
        """The body, checked by the serializer.

        `check` is what the service will check of the values, by raising Invalid. It is called only
        when unknown fields are all that the serializer finds, so that one answer names everything.

        Raises:
            rest_framework.exceptions.ValidationError, Invalid: a 422 that names the fields.
        """
        checked = serializer(data=self.request.data, **options)
        try:
            checked.is_valid(raise_exception=True)
        except ValidationError as error:
            values = getattr(checked, "values_without_unknown", None)
            if check is None or values is None:
                raise
            try:
                check(values)
            except Invalid as more:
                raise Invalid(errors=[*more.errors, *flatten(error.detail)]) from error
            raise
        return checked.validated_data


class ListView(ApiView):
    """A view with a list: see `ListPagination` for what `sort_fields` and `default_sort` mean."""

    pagination_class = ListPagination
    sort_fields: ClassVar[Mapping[str, str | SortColumn]] = {"createdAt": "id"}
    default_sort: ClassVar[str] = "-createdAt"

    def filters(self, serializer: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """The query parameters beside those of the list itself, checked by the serializer.

        Raises:
            rest_framework.exceptions.ValidationError: it becomes a 422 that names the parameters.
        """
        given = {k: v for k, v in self.request.query_params.items() if k not in LIST_PARAMETERS}
        checked = serializer(data=given)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)

    def list_response(
        self, queryset: QuerySet[Any], serializer: type[BaseSerializer[Any]]
    ) -> Response:
        """One page of a queryset that is already that of the workspace, as short rows.

        The serializer's context has `fields`: the names that were asked for, or None.
        """
        fields = read_fields(self.request.query_params.get("fields"), _names_of(serializer))
        paginator = self.pagination_class()
        rows = paginator.paginate_queryset(self.defer(queryset, fields), self.request, self)
        data = serializer(rows, many=True, context={"fields": fields}).data
        return paginator.get_paginated_response([list_row(row, fields) for row in data])

    def defer(self, queryset: QuerySet[Any], fields: Sequence[str] | None) -> QuerySet[Any]:
        """The queryset without columns that the fields do not need; all of it as it stands."""
        return queryset


def _names_of(serializer: type[BaseSerializer[Any]]) -> list[str]:
    one = serializer()
    return list(one.fields) if isinstance(one, Serializer) else []
