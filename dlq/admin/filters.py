"""Filters of the list of letters."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.workspaces.adminaccess import roles_of
from dlq.models import DeadLetter

_NEWEST = 10_000
_MAX_TYPES = 100


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
    """By failure. It is shown only after a link has chosen one."""

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
