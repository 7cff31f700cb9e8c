"""What the admin's pages of large tables have in common."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from controlplane.core.pagination import count_or_estimate

# Generic for the type checker only.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    ModelAdmin = admin.ModelAdmin
    AnyPaginator = Paginator


class EstimatingPaginator(AnyPaginator):
    """Never counts a large table: beyond 10,000 rows it believes the planner."""

    @cached_property
    def count(self) -> int:
        """How many rows, about."""
        return count_or_estimate(self.object_list)[0]  # type: ignore[arg-type] # the admin's are querysets


class ReadMostlyAdmin(ModelAdmin):
    """Looks, and deletes nothing; what changes something is an action that calls a service."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody has it here."""
        return False

    def describe(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page of a row shows beside its columns, for the template."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one row, with what `describe` says of it."""
        row = self.get_object(request, object_id)
        is_seen = row is not None and self.has_view_permission(request, row)
        more = self.describe(request, row) if is_seen else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})


class ReadOnlyAdmin(ReadMostlyAdmin):
    """Looks only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has it here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody has it here."""
        return False
