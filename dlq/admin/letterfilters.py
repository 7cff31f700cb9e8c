"""Filters of the list of dead letters."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from controlplane.core.schema.filters import conditions
from controlplane.workspaces.adminaccess import roles_of
from dlq.filters import LetterFilter
from dlq.models import DeadLetter

_NEWEST = 10_000
_MAX_TYPES = 100
# The parameters of the list, by the name of the same condition of the API.
_CONDITIONS = {
    "q": "search",
    "status__exact": "status",
    "category__exact": "category",
    "died_at__gte": "since",
    "died_at__lt": "until",
}


class TypeFilter(admin.SimpleListFilter):
    """By type. It lists the types of the newest letters, since no index lists all."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        letters = DeadLetter.objects.all()
        roles = roles_of(request)
        if roles is not None:
            letters = letters.filter(workspace_id__in=list(roles))
        newest = letters.order_by("-id").values("id")[:_NEWEST]
        types = DeadLetter.objects.filter(id__in=newest).order_by("type")
        return [(t, t) for t in types.values_list("type", flat=True).distinct()[:_MAX_TYPES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filter_by(queryset, "type", self.value())


class FingerprintFilter(admin.SimpleListFilter):
    """By failure. Shown only after a link has selected one."""

    title = "failure (fingerprint)"
    parameter_name = "fingerprint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, chosen)] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filter_by(queryset, "fingerprint", self.value())


def _filter_by(letters: QuerySet[Any], column: str, value: str | None) -> QuerySet[Any]:
    if value is None:
        return letters
    # Postgres refuses NUL, even in a comparison.
    return letters.none() if "\x00" in value else letters.filter(**{column: value})


def read_wanted(params: QueryDict) -> dict[str, Any] | None:
    """The list's filters as those of the API; None if one of them has no such condition."""
    wanted = {_CONDITIONS.get(name, name): value for name, value in params.items() if value}
    wanted.pop("workspace", None)
    return wanted if set(wanted) <= set(conditions(LetterFilter)) else None
