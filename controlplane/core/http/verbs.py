"""View sets whose handlers are fully described by one decorator.

    class Queues(Views):
        tag = "queues"

        @verb("GET", "queues/<str:name>", name="queues_retrieve", summary="Show a queue",
              returns=QueueDetail, errors=(404,))
        def retrieve(self, request, name):
            return queries.get_queue(request.workspace.id, name)

    urlpatterns = routes(Queues)

A handler returns the resource; `represent` turns it into the response.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import URLPattern
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.metadata import BaseMetadata
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSetMixin

from controlplane.core.cursors import SortColumn
from controlplane.core.http.openapi import REASON_PARAMETER, filter_parameters, problems
from controlplane.core.http.pagination import ListPagination
from controlplane.core.http.views import LIST_PARAMETERS, ApiView, optional_slash_path
from controlplane.core.schema import Request, Resource, field_names, represent, represent_row
from controlplane.core.schema.filters import read_query
from controlplane.core.schema.represent import read_fields
from controlplane.core.schema.shown import deferred_columns

Shape = type[Resource] | None
# Handles several calls, each a request and its body. Returns what each shows, or its error.
Together = Callable[[Sequence[tuple[Any, Any]]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A response that is a page of a list. `sorts` and `default_sort`: see ListPagination."""

    resource: type[Resource]
    sorts: Mapping[str, str | SortColumn]
    default_sort: str = "-createdAt"
    pagination: type[ListPagination] = ListPagination


@dataclass(frozen=True, slots=True)
class Answer:
    """A handler's response with a status other than its first one."""

    resource: Any
    status: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """The JSON of a response, None if it has no body, its status and headers of its own."""

    data: Any
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verb:
    """The description of a handler: the arguments of `verb`."""

    method: str
    path: str
    statuses: Mapping[int, Shape]
    body: type[Request] | None
    query: type[Any] | None
    listed: Listed | None
    role: str | None
    resource: str | None
    check: Callable[..., object] | None
    is_json: bool = True
    together: Together | None = None

    @property
    def shown(self) -> Shape:
        """The resource in the response, or in each of its rows."""
        return self.listed.resource if self.listed else next(iter(self.statuses.values()), None)

    @property
    def own_status(self) -> int:
        """The status unless the handler sets another."""
        return next(iter(self.statuses))


def verb(
    method: str,
    path: str,
    *,
    name: str,
    summary: str,
    returns: Shape | Listed | Mapping[int, Shape],
    body: type[Request] | None = None,
    query: type[Any] | None = None,
    errors: Sequence[int] = (),
    parameters: Sequence[OpenApiParameter] = (),
    examples: Sequence[OpenApiExample] = (),
    responses: Mapping[Any, Any] | None = None,
    role: str | None = None,
    resource: str | None = None,
    check: Callable[..., object] | None = None,
    public: bool = False,
    together: Together | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A handler of a method at a path.

    It gets the request, then the checked `body` and the `query` if there are any, then the parts of
    the path by name. `returns` is the resource in its response, by status if there are several;
    None is 204. `check(request, body, **path)` raises Invalid for what the service would refuse:
    see `Request.read`. `role` and `resource` replace those of RolePermission. `responses` replaces
    `returns` in the OpenAPI document, for responses that are not JSON. A `public` verb needs no
    identity. Without `examples`, the document has the body's own. `together` may be called instead
    of the handler, for calls that arrive at the same time, if they have no idempotency key in their
    headers.
    """
    listed = returns if isinstance(returns, Listed) else None
    config = Verb(method, path, _statuses(returns), body, query, listed, role, resource, check)
    config = replace(config, is_json=responses is None and not public, together=together)
    reason = () if method == "GET" else (REASON_PARAMETER,)
    shown_parameters = [*parameters, *(filter_parameters(query) if query else ()), *reason]
    shown_responses = {**(responses or config.statuses), **({} if public else problems(*errors))}

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        return extend_schema(
            operation_id=name,
            summary=summary,
            parameters=[*getattr(handler, "extra_parameters", ()), *shown_parameters],
            request=body,
            examples=list(examples or _examples_of(body)),
            auth=[] if public else None,
            responses=shown_responses,
        )(_runner(config, handler))

    return decorate


def _runner(config: Verb, handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    def run(view: "Views", request: Any, **path_parts: Any) -> HttpResponseBase:
        found = view.answer(config, handler, request, path_parts)
        if isinstance(found, Rendered):
            return Response(found.data, status=found.status, headers=dict(found.headers))
        return found

    run.verb = config  # type: ignore[attr-defined] # read by routes and the OpenAPI schema
    return run


class _Form(Serializer[Any]):
    """The example of a body."""

    def __init__(self, body: type[Request] | None) -> None:
        super().__init__()
        self._example = dict(body.example or {}) if body else {}

    def get_initial(self) -> dict[str, Any]:
        return self._example


class _Metadata(BaseMetadata):
    """OPTIONS: the JSON Schema of each method's body."""

    def determine_metadata(self, request: Any, view: Any) -> dict[str, Any]:
        """By method, for those that take a body."""
        verbs = {
            method.upper(): getattr(view, name).verb
            for method, name in getattr(view, "action_map", {}).items()
            if method != "head" and hasattr(getattr(view, name), "verb")
        }
        return {
            "methods": sorted(verbs),
            "bodies": {
                method: config.body.model_json_schema()
                for method, config in verbs.items()
                if config.body
            },
        }


class Views(ViewSetMixin, ApiView):
    """Handlers of one resource; see `verb`. `tag` is their tag in the OpenAPI document."""

    tag: ClassVar[str] = ""
    pagination_class: ClassVar[type[ListPagination] | None] = None
    sort_fields: ClassVar[Mapping[str, str | SortColumn]] = {}
    default_sort: ClassVar[str] = ""
    metadata_class = _Metadata

    def answer(
        self, config: Verb, handler: Callable[..., Any], request: Any, path_parts: dict[str, Any]
    ) -> Rendered | HttpResponseBase:
        """Call the handler. Returns what it shows, or its response if it makes one itself."""
        given = self.read_input(config, request, path_parts)
        return self.show(config, handler(self, request, *given, **path_parts), request)

    def read_input(self, config: Verb, request: Any, path_parts: dict[str, Any]) -> list[Any]:
        """The checked body and query, as far as the verb has them. Raises Invalid, ParseError."""
        given: list[Any] = []
        if config.body is not None:
            given.append(self._read_body(config, request, path_parts))
        if config.query is not None:
            ignore = LIST_PARAMETERS if config.listed else ()
            given.append(read_query(config.query, request.query_params, ignore=ignore))
        return given

    def show(self, config: Verb, found: Any, request: Any) -> Rendered | HttpResponseBase:
        """What a handler returned, as the request's actor may see it; with the headers that it has
        left in `request.own_headers`."""
        if isinstance(found, Rendered | HttpResponseBase):
            return found
        if config.listed is not None:
            return self.page(found)
        answer = found if isinstance(found, Answer) else Answer(found, config.own_status)
        schema = config.statuses[answer.status]
        data = None if schema is None else represent(schema, answer.resource, request.actor)
        return Rendered(data, answer.status, getattr(request, "own_headers", {}))

    def page(
        self,
        rows: QuerySet[Any] | Sequence[Any],
        describe: Any = None,
        find_total: Callable[[], int | None] | None = None,
    ) -> Rendered:
        """One page of a queryset, or a sequence, that is already that of the workspace. `describe`
        looks up what all rows of the page need, at once. `find_total`: see ListPagination."""
        config = self.current_verb
        if config is None or config.listed is None or self.pagination_class is None:
            raise TypeError("page() is for verbs that return Listed")
        schema = config.listed.resource
        params = self.request.query_params
        known = field_names(schema, "list")
        fields = read_fields(params.get("fields"), known)
        if isinstance(rows, QuerySet) and (unused := deferred_columns(schema, fields)):
            rows = rows.defer(*unused)
        paginator = self.pagination_class()
        if find_total is not None:
            paginator.find_total = find_total
        found: Any = paginator.paginate_queryset(rows, self.request, self)  # type: ignore[arg-type] # by its own kind
        if describe is not None:
            found = describe(found)
        actor = self.request.actor  # type: ignore[attr-defined] # RolePermission let it in
        data = [represent_row(schema, row, actor, fields=fields) for row in found]
        return Rendered(paginator.get_page(data), 200)

    @property
    def current_verb(self) -> Verb | None:
        return getattr(getattr(self, self.action or "", None), "verb", None)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """The form of the browsable API for the request's method, filled with an example of the
        body."""
        config = self.current_verb
        return _Form(config.body if config else None)

    def _read_body(self, config: Verb, request: Any, path_parts: dict[str, Any]) -> Request:
        def check(value: Request) -> None:
            if config.check is not None:
                config.check(request, value, **path_parts)

        schema: Any = config.body
        return schema.read(request.data, check=check if config.check else None)  # type: ignore[no-any-return]


def routes(*viewsets: type[Views]) -> list[URLPattern]:
    """The paths of these view sets, in the order of their verbs."""
    paths: dict[tuple[str, type[Views]], dict[str, Any]] = {}
    for viewset in viewsets:
        for name, handler in vars(viewset).items():
            if (config := getattr(handler, "verb", None)) is not None:
                # Django would call it for this method at every path of the view set.
                if name in viewset.http_method_names:
                    raise TypeError(f"{viewset.__name__}.{name} has a method's name: rename it.")
                paths.setdefault((config.path, viewset), {})[config.method.lower()] = name
    return [
        optional_slash_path(path, _view_of(viewset, actions))
        for (path, viewset), actions in paths.items()
    ]


def _view_of(viewset: type[Views], actions: dict[str, Any]) -> Callable[..., Any]:
    verbs: list[Verb] = [getattr(viewset, name).verb for name in actions.values()]
    options: dict[str, Any] = {
        "required_roles": {each.method: each.role for each in verbs if each.role}
    }
    if named := [each.resource for each in verbs if each.resource]:
        options["resource"] = named[0]
    for listed in (each.listed for each in verbs if each.listed):
        options["pagination_class"] = listed.pagination
        options["sort_fields"] = listed.sorts
        options["default_sort"] = listed.default_sort
    return viewset.as_view(actions, **options)


def _examples_of(body: type[Request] | None) -> list[OpenApiExample]:
    if body is None or not body.example:
        return []
    return [OpenApiExample("Example", value=dict(body.example), request_only=True)]


def _statuses(returns: Shape | Listed | Mapping[int, Shape]) -> Mapping[int, Shape]:
    if returns is None:
        return {204: None}
    if isinstance(returns, Listed):
        return {200: returns.resource}
    return returns if isinstance(returns, Mapping) else {200: returns}
