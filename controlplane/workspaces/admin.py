"""Workspaces, members, API keys and the audit log in the admin.

Forms call services; a key's secret is shown once; the log is read-only. Members, keys and the log
are for admins of their workspace, as in the API.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin  # noqa: F401 - it registers what is replaced
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.core.admin.actions import act_on_each, confirmed_action, report
from controlplane.core.admin.display import time_column
from controlplane.core.admin.forms import ServiceErrors
from controlplane.core.admin.pages import (
    OperationalAdmin,
    ReadMostlyAdmin,
    copy_row,
)
from controlplane.core.errors import Conflict, Invalid
from controlplane.workspaces import services
from controlplane.workspaces.adminaccess import SEEN_BY_ADMINS, AdminAccess, actor_in, roles_of
from controlplane.workspaces.adminpages import WorkspaceFilter, WorkspacePages
from controlplane.workspaces.audit.pages import AuditEventAdmin
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from controlplane.workspaces.services import CreatedKey
from controlplane.workspaces.states import Role
from controlplane.workspaces.useradmin import AuditedUserAdmin

# Generic for the type checker only.
if TYPE_CHECKING:
    KeyForm = forms.ModelForm[ApiKey]
else:
    KeyForm = forms.ModelForm


@admin.register(Workspace)
class WorkspaceAdmin(AdminAccess, ReadMostlyAdmin):
    """Tenants. A slug is part of addresses and never changes. Only superusers create one."""

    workspace_lookup = "id"
    required_roles: ClassVar = {
        "view": Role.VIEWER,
        "add": None,
        "change": Role.ADMIN,
        "delete": None,
        "act": Role.ADMIN,
    }
    list_display = ["slug", "name", time_column("created_at", is_sortable=True)]
    search_fields = ["slug", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["slug", "created_at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Workspace, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        actor = actor_in(request, obj.id)
        if change:
            services.rename_workspace(workspace=obj, name=obj.name, actor=actor)
        else:
            made = services.create_workspace(slug=obj.slug, name=obj.name, actor=actor)
            copy_row(made, obj)


@admin.register(Membership)
class MembershipAdmin(WorkspacePages, OperationalAdmin):
    """The roles of users in workspaces."""

    exported = "members"
    required_roles = SEEN_BY_ADMINS
    list_display = [
        "user",
        "workspace",
        "role",
        time_column("created_at", "added", is_sortable=True),
    ]
    list_filter = ["role", WorkspaceFilter]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username"]

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Only superusers see a list of users; others type a name that they know."""
        return ["user", "workspace"] if roles_of(request) is None else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A text field for the user's name, unless the person may see all users."""
        if db_field.name == "user" and roles_of(request) is not None:
            return forms.ModelChoiceField(
                queryset=get_user_model().objects.filter(is_active=True),
                to_field_name=get_user_model().USERNAME_FIELD,
                widget=forms.TextInput,
                help_text="The exact user name.",
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["user", "workspace", "created_at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Membership, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        made = services.add_member(
            workspace=obj.workspace,
            user=obj.user,
            role=obj.role,
            actor=actor_in(request, obj.workspace_id),
        )
        copy_row(made, obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What a service refuses is a message: nothing is changed."""
        return self._or_message(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, super().delete_view, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, super().changelist_view, *args, **kwargs)

    def _or_message(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except Conflict as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.remove_member(member=obj, actor=actor_in(request, obj.workspace_id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for member in queryset:
            services.remove_member(member=member, actor=actor_in(request, member.workspace_id))


class ApiKeyForm(ServiceErrors, KeyForm):
    """A new key."""

    class Meta:
        model = ApiKey
        fields = ["workspace", "name", "role", "scopes", "expires_at"]
        help_texts = {
            "scopes": "Comma-separated, such as tasks:read, tasks:write or *:read. "
            "Leave empty to allow everything that the role allows.",
            "expires_at": "Leave empty for a key that never expires.",
        }

    def clean(self) -> dict[str, Any]:
        """The service's own rules, shown beside the fields."""
        values = super().clean() or {}
        if "name" not in self.fields:
            return values  # the page of an existing key: nothing on it can be changed
        try:
            services.check_api_key(
                name=values.get("name") or "",
                role=values.get("role") or "",
                scopes=values.get("scopes") or [],
                expires_at=values.get("expires_at"),
            )
        except Invalid as invalid:
            reported = {*self.errors}
            new = [e for e in invalid.errors if self.form_field(e["field"]) not in reported]
            if new:
                self.refuse(Invalid(errors=new))
        return values


@admin.register(ApiKey)
class ApiKeyAdmin(WorkspacePages, ReadMostlyAdmin):
    """API keys. Their hashes are never shown."""

    exported = "api-keys"
    required_roles = SEEN_BY_ADMINS
    form = ApiKeyForm
    list_display = [
        "name",
        "prefix",
        "workspace",
        "role",
        time_column("last_used_at", "last used", is_sortable=True),
        time_column("expires_at", "expires", is_sortable=True),
        time_column("revoked_at", "revoked", is_sortable=True),
    ]
    list_filter = [WorkspaceFilter, "role"]
    list_select_related = ["workspace"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fields = list(ApiKeyForm.Meta.fields)
        return [*fields, *_KEY_FACTS] if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        """The secret stays with this request, for `response_add`."""
        if change:
            return
        made = services.create_api_key(
            workspace=obj.workspace,
            name=obj.name,
            role=obj.role,
            scopes=obj.scopes,
            expires_at=obj.expires_at,
            actor=actor_in(request, obj.workspace_id),
        )
        copy_row(made.key, obj)
        request._created_key = made  # type: ignore[attr-defined] # neither cookie nor session

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, on this response only."""
        made: CreatedKey = request._created_key  # type: ignore[attr-defined] # of save_model
        # The admin's own decorator adds `no-store`.
        return self.render(
            request,
            "admin/workspaces/apikey/created.html",
            title="API key created",
            original=obj,
            secret=made.secret,
        )

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """The hash is never a filter."""
        if lookup.startswith("secret_hash"):
            return False
        return super().lookup_allowed(lookup, value, request)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Everybody who may change keys may revoke them."""
        return bool(self.has_change_permission(request))

    @confirmed_action(
        "Revoke the selected keys",
        button="Revoke",
        warning="Requests with these keys are refused at once. A revoked key cannot be restored.",
        permissions=["revoke"],
    )
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        def act(key: ApiKey) -> None:
            services.revoke_api_key(
                workspace=key.workspace, key_id=key.id, actor=actor_in(request, key.workspace_id)
            )

        result = act_on_each(list(queryset.select_related("workspace")), act)
        report(self, request, result, "revoked")


_KEY_FACTS = ["prefix", "created_by", "created_at", "last_used_at", "revoked_at"]


admin.site.register(AuditEvent, AuditEventAdmin)
admin.site.unregister(User)
admin.site.register(User, AuditedUserAdmin)
