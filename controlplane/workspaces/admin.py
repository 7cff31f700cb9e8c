"""Workspaces in the admin: forms call services, a key's secret is shown once, the log is read."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from controlplane.core.adminpages import ModelAdmin, ReadMostlyAdmin, ReadOnlyAdmin
from controlplane.core.errors import Conflict, Invalid
from controlplane.workspaces import services
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.models import ApiKey, AuditEvent, Membership, Workspace
from controlplane.workspaces.states import ActorKind, Role

# Generic for the type checker only.
if TYPE_CHECKING:
    KeyForm = forms.ModelForm[ApiKey]
else:
    KeyForm = forms.ModelForm


def actor_of(request: HttpRequest) -> Actor:
    """The user of the admin as an actor: who gets in there is decided by Django's permissions."""
    user = request.user
    return Actor(ActorKind.USER.value, str(user.pk), user.get_username()[:200], Role.ADMIN)


@admin.register(Workspace)
class WorkspaceAdmin(ReadMostlyAdmin):
    """Tenants. A slug is an address: it never changes."""

    list_display = ["slug", "name", "created_at"]
    search_fields = ["slug", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All but the name, once it is there."""
        return ["slug", "created_at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Workspace, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        """Through the services."""
        actor = actor_of(request)
        if change:
            services.rename_workspace(workspace=obj, name=obj.name, actor=actor)
        else:
            _become(obj, services.create_workspace(slug=obj.slug, name=obj.name, actor=actor))


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    """Who may do what where."""

    list_display = ["user", "workspace", "role", "created_at"]
    list_filter = ["role", "workspace"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username"]
    autocomplete_fields = ["user", "workspace"]
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All but the role, once it is there."""
        return ["user", "workspace", "created_at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Membership, form: "forms.ModelForm[Any]", change: bool
    ) -> None:
        """Through the service."""
        made = services.add_member(
            workspace=obj.workspace, user=obj.user, role=obj.role, actor=actor_of(request)
        )
        _become(obj, made)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Through the service."""
        services.remove_member(member=obj, actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """Through the service, each."""
        for member in queryset:
            services.remove_member(member=member, actor=actor_of(request))


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
class ApiKeyAdmin(ReadMostlyAdmin):
    """Keys of programs. The hash is nowhere to be seen."""

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
    list_filter = ["workspace", "role"]
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
        """Through the service, and the secret shown this once."""
        if change:
            return
        made = services.create_api_key(
            workspace=obj.workspace,
            name=obj.name,
            role=obj.role,
            scopes=obj.scopes,
            expires_at=obj.expires_at,
            actor=actor_of(request),
        )
        _become(obj, made.key)
        messages.warning(request, f"Copy the key now, it is shown this once: {made.secret}")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may change keys may end them."""
        return self.has_change_permission(request)

    @admin.action(description="Revoke the selected keys, for good", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Through the service, each."""
        revoked = 0
        for key in queryset.select_related("workspace"):
            try:
                services.revoke_api_key(
                    workspace=key.workspace, key_id=key.id, actor=actor_of(request)
                )
            except Conflict:
                continue  # it was revoked before: what was asked for is so
            revoked += 1
        messages.success(request, f"{revoked} of {len(queryset)} keys were revoked now.")


_KEY_FACTS = ["prefix", "created_by", "created_at", "last_used_at", "revoked_at"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what."""

    list_display = ["created_at", "actor_label", "action", "target_type", "target_id", "workspace"]
    list_filter = ["workspace", "actor_kind"]
    list_select_related = ["workspace"]
    search_fields = ["=target_id", "=action", "=actor_label"]


def _become(obj: Model, made: Model) -> None:
    """The admin goes on with its own object, which is what the service made."""
    for field in made._meta.concrete_fields:
        setattr(obj, field.attname, getattr(made, field.attname))
    obj._state.adding = False
