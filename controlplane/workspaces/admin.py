"""Workspaces in the admin: forms call services, a key's secret is shown once, the log is read.

Members, keys and the audit log are for admins of their workspace, as in the API.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from controlplane.core.adminpages import ModelAdmin, ReadMostlyAdmin, ReadOnlyAdmin
from controlplane.core.errors import Conflict, Invalid
from controlplane.workspaces import services
from controlplane.workspaces.adminaccess import (
    SEEN_BY_ADMINS,
    AdminAccess,
    WorkspaceFilter,
    WorkspacePages,
    actor_in,
    roles_of,
)
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from controlplane.workspaces.services import CreatedKey
from controlplane.workspaces.states import Role

# Generic for the type checker only.
if TYPE_CHECKING:
    KeyForm = forms.ModelForm[ApiKey]
else:
    KeyForm = forms.ModelForm


@admin.register(Workspace)
class WorkspaceAdmin(AdminAccess, ReadMostlyAdmin):
    """Tenants. A slug is an address: it never changes. Only superusers create one."""

    workspace_lookup = "id"
    required_roles: ClassVar = {
        "view": Role.VIEWER,
        "add": None,
        "change": Role.ADMIN,
        "delete": None,
        "act": Role.ADMIN,
    }
    list_display = ["slug", "name", "created_at"]
    search_fields = ["slug", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All but the name, once it is there."""
        return ["slug", "created_at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Workspace, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        """Through the services."""
        actor = actor_in(request, obj.id)
        if change:
            services.rename_workspace(workspace=obj, name=obj.name, actor=actor)
        else:
            _become(obj, services.create_workspace(slug=obj.slug, name=obj.name, actor=actor))


@admin.register(Membership)
class MembershipAdmin(WorkspacePages, ModelAdmin):
    """Who may do what where."""

    required_roles = SEEN_BY_ADMINS
    list_display = ["user", "workspace", "role", "created_at"]
    list_filter = ["role", WorkspaceFilter]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username"]
    show_full_result_count = False

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Users are listed to superusers only; others type a name that they know."""
        return ["user", "workspace"] if roles_of(request) is None else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The user by name, unless the person may see all users."""
        if db_field.name == "user" and roles_of(request) is not None:
            return forms.ModelChoiceField(
                queryset=get_user_model().objects.filter(is_active=True),
                to_field_name=get_user_model().USERNAME_FIELD,
                widget=forms.TextInput,
                help_text="The exact user name.",
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All but the role, once it is there."""
        return ["user", "workspace", "created_at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Membership, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        """Through the service."""
        made = services.add_member(
            workspace=obj.workspace,
            user=obj.user,
            role=obj.role,
            actor=actor_in(request, obj.workspace_id),
        )
        _become(obj, made)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Through the service."""
        services.remove_member(member=obj, actor=actor_in(request, obj.workspace_id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """Through the service, each."""
        for member in queryset:
            services.remove_member(member=member, actor=actor_in(request, member.workspace_id))


class ApiKeyForm(KeyForm):
    """A new key."""

    class Meta:
        model = ApiKey
        fields = ["workspace", "name", "role", "scopes", "expires_at"]
        help_texts = {
            "scopes": "Like tasks:read, tasks:write, *:read; with commas. None: all of the role.",
            "expires_at": "Empty: never.",
        }

    def clean(self) -> dict[str, Any]:
        """The service's own rules, shown beside the fields."""
        found = super().clean() or {}
        if "name" not in self.fields:
            return found  # the page of a key that is there: nothing on it can be changed
        try:
            services.check_api_key(
                name=found.get("name") or "",
                role=found.get("role") or "",
                scopes=found.get("scopes") or [],
                expires_at=found.get("expires_at"),
            )
        except Invalid as invalid:
            for error in invalid.errors:
                name = error["field"].partition("[")[0].replace("expiresAt", "expires_at")
                if name not in self.errors:
                    self.add_error(name, error["message"])
        return found


@admin.register(ApiKey)
class ApiKeyAdmin(WorkspacePages, ReadMostlyAdmin):
    """Keys of programs. The hash is nowhere to be seen."""

    required_roles = SEEN_BY_ADMINS
    form = ApiKeyForm
    list_display = [
        "name",
        "prefix",
        "workspace",
        "role",
        "last_used_at",
        "expires_at",
        "revoked_at",
    ]
    list_filter = [WorkspaceFilter, "role"]
    list_select_related = ["workspace"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What is asked for, and later what is known."""
        asked = list(ApiKeyForm.Meta.fields)
        return [*asked, *_KEY_FACTS] if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A key never changes: make a new one."""
        return self.get_fields(request, obj) if obj else []

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        """Through the service. The secret stays with this request, for `response_add`."""
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
        _become(obj, made.key)
        request._created_key = made  # type: ignore[attr-defined] # neither cookie nor session

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The secret, on this response only."""
        made: CreatedKey = request._created_key  # type: ignore[attr-defined] # of save_model
        context = {
            **self.admin_site.each_context(request),
            "title": "API key created",
            "opts": self.opts,
            "original": obj,
            "secret": made.secret,
        }
        # The admin's own decorator adds `no-store`.
        return TemplateResponse(request, "admin/workspaces/apikey/created.html", context)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Nobody filters by the hash."""
        if lookup.startswith("secret_hash"):
            return False
        return super().lookup_allowed(lookup, value, request)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may change keys may end them."""
        return bool(self.has_change_permission(request))

    @admin.action(description="Revoke the selected keys, for good", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Through the service, each."""
        revoked = 0
        for key in queryset.select_related("workspace"):
            try:
                services.revoke_api_key(
                    workspace=key.workspace,
                    key_id=key.id,
                    actor=actor_in(request, key.workspace_id),
                )
            except Conflict:
                continue  # it was revoked before: what was asked for is so
            revoked += 1
        messages.success(request, f"{revoked} of {len(queryset)} keys were revoked now.")


_KEY_FACTS = ["prefix", "created_by", "created_at", "last_used_at", "revoked_at"]


@admin.register(AuditEvent)
class AuditEventAdmin(WorkspacePages, ReadOnlyAdmin):
    """Who did what."""

    required_roles = SEEN_BY_ADMINS
    list_display = ["created_at", "actor_label", "action", "target_type", "target_id", "workspace"]
    list_filter = [WorkspaceFilter, "actor_kind"]
    list_select_related = ["workspace"]
    search_fields = ["=target_id", "=action", "=actor_label"]


def _become(obj: Model, made: Model) -> None:
    """The admin goes on with its own object, which is what the service made."""
    for field in made._meta.concrete_fields:
        setattr(obj, field.attname, getattr(made, field.attname))
    obj._state.adding = False
