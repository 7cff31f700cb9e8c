"""What the admin's pages of large tables have in common."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
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


class ReadOnlyAdmin(ReadMostlyAdmin):
    """Looks only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has it here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody has it here."""
        return False
