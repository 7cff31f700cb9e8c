"""Django's pages of users, whose changes are in the audit log."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join

from controlplane.core.admin.display import badge, show_time
from controlplane.core.errors import Conflict
from controlplane.core.formatting import EMPTY
from controlplane.workspaces.adminaccess import SuperuserPages, actor_in
from controlplane.workspaces.queries import get_default_workspace_id, list_roles
from controlplane.workspaces.users import delete_account, record_account

_SHOWN_ROLES = 3
_SECRET = "password"  # noqa: S105 - part of the names of fields


class AuditedUserAdmin(SuperuserPages, UserAdmin):  # type: ignore[type-arg] # it is generic for the checker only
    """Accounts, for superusers."""

    list_display = [
        "username",
        "person",
        "roles",
        "state",
        "seen",
    ]
    list_filter = ["is_active", "is_superuser"]
    ordering = ("username",)

    def load_page(self, rows: Sequence[Any]) -> None:
        """One statement for the roles of all."""
        roles = list_roles([row.pk for row in rows], _SHOWN_ROLES)
        for row in rows:
            row.held_roles = roles[row.pk]

    @admin.display(description="name")
    def person(self, row: User) -> str:
        name, mail = row.get_full_name(), row.email
        if not name or not mail:
            return format_html("<bdi>{}</bdi>", name or mail) if name or mail else EMPTY
        return format_html('<bdi>{}</bdi> <span class="faint"><bdi>{}</bdi></span>', name, mail)

    @admin.display(description="roles")
    def roles(self, row: Any) -> str:
        if row.is_superuser:
            return "admin of every workspace"
        held = row.held_roles
        words = format_html_join(
            ", ",
            "{} of <bdi>{}</bdi>",
            ((each.get_role_display().lower(), each.workspace.slug) for each in held.first),
        )
        rest = held.number - len(held.first)
        if rest:
            return format_html("{} and {} more", words, rest)
        return words or EMPTY

    @admin.display(description="last log-in", ordering="last_login")
    def seen(self, row: User) -> str:
        return show_time(row.last_login) if row.last_login else "never"

    @admin.display(description="may log in", ordering="is_active")
    def state(self, row: User) -> str:
        if not row.is_active:
            return badge("CANCELLED", "No")
        return (
            badge("COMPLETED", "Yes") if row.is_staff else badge("SCHEDULED", "Not to these pages")
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """After everything was saved: write what changed."""
        super().save_related(request, form, formsets, change)
        actor = actor_in(request, get_default_workspace_id())
        if not change:
            record_account(form.instance, actor, "create", {})
            return
        names = [name for name in form.changed_data if _SECRET not in name]
        if names:
            detail = {
                "before": {name: _plain(form.initial.get(name)) for name in names},
                "after": {name: _plain(form.cleaned_data.get(name)) for name in names},
            }
            record_account(form.instance, actor, "change", detail)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - as Django calls it
        form_url: str = "",
    ) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().user_change_password(request, id, form_url)
            if (
                request.method == "POST"
                and response.status_code == HttpResponseRedirect.status_code
            ):
                user = self.get_object(request, id)
                actor = actor_in(request, get_default_workspace_id())
                if user is not None:
                    record_account(user, actor, "password", {})
        return response

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What is refused is a message: nothing is deleted."""
        page: HttpResponse = self._or_message(request, super().delete_view, *args, **kwargs)
        return page

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        page: HttpResponse = self._or_message(request, super().changelist_view, *args, **kwargs)
        return page

    def _or_message(self, request: HttpRequest, view: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except Conflict as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj, actor_in(request, get_default_workspace_id()))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            delete_account(user, actor_in(request, get_default_workspace_id()))


def _plain(value: Any) -> Any:
    """For the log: groups and permissions by their names, times as text."""
    if isinstance(value, QuerySet | list):
        return sorted(map(str, value))
    return value if value is None or isinstance(value, bool | int | str) else str(value)
