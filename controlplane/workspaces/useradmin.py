"""Django's pages of users, whose changes are in the audit log."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.core.errors import Conflict
from controlplane.workspaces.adminaccess import SuperuserPages, actor_in
from controlplane.workspaces.queries import get_default_workspace_id
from controlplane.workspaces.users import delete_account, record_account

_SECRET = "password"  # noqa: S105 - part of the names of fields


class AuditedUserAdmin(SuperuserPages, UserAdmin):  # type: ignore[type-arg] # it is generic for the checker only
    """Accounts, for superusers."""

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
