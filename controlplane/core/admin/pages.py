"""Base classes of the admin's pages: read-only records, form pages."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from controlplane.core.admin.actions import CONFIRMED
from controlplane.core.admin.lists import RecordLists
from controlplane.core.errors import DomainError
from controlplane.core.ids import parse_uuid_or_none

# Generic for the type checker only.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

View = Callable[..., HttpResponseBase]


class OperationalAdmin(RecordLists, ModelAdmin):
    """Pages with buttons and forms that call services."""

    list_per_page = 50
    id_fields: ClassVar[Sequence[str]] = ()
    """Columns that are compared when the search term is an ID, instead of a text search."""

    def extra_pages(self) -> Sequence[tuple[str, View, str]]:
        """Pages beside Django's own: route, view, and the name after `<app>_<model>_`."""
        return []

    def get_urls(self) -> list[URLPattern]:
        """The extra pages come first: Django's last route matches everything."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path(route, self.admin_site.admin_view(view), name=f"{prefix}_{name}")
            for route, view, name in self.extra_pages()
        ]
        return [*own, *super().get_urls()]

    def row_url(self, pk: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        row_id = parse_uuid_or_none(search_term) if self.id_fields else None
        if row_id is None:
            return super().get_search_results(request, queryset, search_term)
        named = Q(*((name, row_id) for name in self.id_fields), _connector=Q.OR)
        return queryset.filter(named), False

    def describe(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The extra context for the template of a row's page."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one row, with the context from `describe`."""
        row = self.get_object(request, object_id)
        is_visible = row is not None and self.has_view_permission(request, row)
        more = self.describe(request, row) if is_visible else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def call_service(self, request: HttpRequest, act: Callable[[], Any], success: str = "") -> bool:
        """Do it, and show a message: the success, or the reason of a refusal. Returns False if
        refused."""
        try:
            act()
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        if success:
            self.message_user(request, success, messages.SUCCESS)
        return True

    def render(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        """An extra page. It needs `title`; `original` is the row above it in the breadcrumbs."""
        everywhere = self.admin_site.each_context(request)
        original: Any = context.get("original")
        return TemplateResponse(
            request,
            template,
            {
                **everywhere,
                "opts": self.opts,
                "media": self.media,
                "back": self.row_url(original.pk) if original is not None else self._list_url(),
                **context,
            },
        )

    def form_page(
        self,
        request: HttpRequest,
        form: Any,
        submit: Callable[[], str],
        *,
        template: str = "admin/form_page.html",
        asks: bool = False,
        **context: Any,
    ) -> HttpResponse:
        """A page with a form. `submit` calls a service after the form is valid and returns the
        address to go to; errors from the service are shown beside the fields. `context` has
        `title`, `button`, and the arguments of `render`. `asks`: the form is the question before
        something that cannot be undone, so only its own button answers it."""
        is_sure = not asks or CONFIRMED in request.POST
        if request.method == "POST" and is_sure and form.is_valid():
            try:
                return HttpResponseRedirect(submit())
            except DomainError as error:
                form.refuse(error)
        confirmed = CONFIRMED if asks else ""
        return self.render(request, template, form=form, confirmed=confirmed, **context)

    def _list_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


class ReadMostlyAdmin(OperationalAdmin):
    """Nothing is deleted; changes go through actions and services."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadMostlyAdmin):
    """Nothing is added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RowPageAdmin(ReadOnlyAdmin):
    """As ReadOnlyAdmin, with a page of one's own for each row. It is no form: what can be done with
    the row stands on it."""

    gone: ClassVar[str]
    """The message if there is no such row, or the person may not see it."""

    def show_row(self, request: HttpRequest, row: Any) -> HttpResponse:
        """The page of a row that the person may see."""
        raise NotImplementedError

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of the row, or the start page with the message."""
        row_id = parse_uuid_or_none(object_id)
        row = self.get_object(request, str(row_id)) if row_id else None
        if row is None:
            self.message_user(request, self.gone, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:index"))
        if request.method == "POST" or not self.has_view_permission(request, row):
            raise PermissionDenied
        return self.show_row(request, row)


def copy_row(source: Model, target: Model) -> None:
    """Give the admin's unsaved object the columns of the row that a service created."""
    for field in source._meta.concrete_fields:
        setattr(target, field.attname, getattr(source, field.attname))
    target._state.adding = False
