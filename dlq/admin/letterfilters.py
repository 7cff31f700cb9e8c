"""Filters of the list of dead letters."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from controlplane.core.admin.lists import AgeFilter, read_filters
from controlplane.core.clock import as_moment
from controlplane.core.schema.filters import conditions
from controlplane.workspaces.adminaccess import roles_of
from dlq.filters import LetterFilter
from dlq.queries import list_types
from dlq.queries.letters import NODE

# The parameters of the list, by the name of the same condition of the API.
_CONDITIONS = {
    "q": "search",
    "status__exact": "status",
    "category__exact": "category",
    "died_at__gte": "since",
    "died_at__lt": "until",
}


class TypeFilter(admin.SimpleListFilter):
    """By type, from the counts of letters."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        roles = roles_of(request)
        return [(name, name) for name in list_types(None if roles is None else list(roles))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filter_by(queryset, "type", self.value())


class _Chosen(admin.SimpleListFilter):
    """Shown only after a link has selected a value."""

    column = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name or "", "")
        return [(chosen, chosen)] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filter_by(queryset, self.column, self.value())


class FingerprintFilter(_Chosen):
    """By failure."""

    title = "failure (fingerprint)"
    parameter_name = column = "fingerprint"


class NodeFilter(_Chosen):
    """By the node of the last attempt."""

    title = parameter_name = "node"
    column = NODE


class ReleaseFilter(_Chosen):
    """By the release of the code of that node."""

    title = parameter_name = "release"
    column = "worker_release"


class VersionFilter(_Chosen):
    """By the version of Taskplane of that node."""

    title = parameter_name = "version"
    column = "worker_version"


class SinceFilter(AgeFilter):
    """By the time of death."""

    title = "died"
    parameter_name = "since"
    column = "died_at"


def _filter_by(letters: QuerySet[Any], column: str, value: str | None) -> QuerySet[Any]:
    if value is None:
        return letters
    # Postgres refuses NUL, even in a comparison.
    return letters.none() if "\x00" in value else letters.filter(**{column: value})


def read_wanted(params: QueryDict) -> dict[str, Any] | None:
    """The list's filters as those of the API; None if one of them has no such condition."""
    wanted = read_filters(params, _CONDITIONS)
    wanted.pop("workspace", None)
    if "since" in wanted:
        wanted["since"] = as_moment(str(wanted["since"]))  # what is selected must not move
    return wanted if set(wanted) <= set(conditions(LetterFilter)) else None
