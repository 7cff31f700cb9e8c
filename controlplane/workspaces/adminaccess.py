"""Access to the admin. Django's permissions decide which pages a person can open at all. Their role
in the workspace of each row decides what they can see and do there: `is_allowed` is the only place
for this. Every ModelAdmin derives from `AdminAccess`; `TaskplaneAdminSite` restricts one that does
not to superusers.
"""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import DateTimeField, Model, QuerySet
from django.forms import SplitDateTimeField
from django.http import HttpRequest, HttpResponse

from controlplane.core.admin.forms import LabelledDateTime
from controlplane.core.admin.lists import RecordLists
from controlplane.core.admin.pages import OperationalAdmin
from controlplane.core.admin.site import Person, ShellSite
from controlplane.core.undo import ActAs
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.chosen import remembering
from controlplane.workspaces.queries import list_workspaces
from controlplane.workspaces.states import ActorKind, Role

if TYPE_CHECKING:
    from controlplane.workspaces.models import Workspace

    _Admin = OperationalAdmin
else:
    _Admin = RecordLists

Roles = Mapping[str, Role | None]
# The role that each verb needs in the row's workspace; None: superusers only.
SEEN_BY_VIEWERS: Roles = {
    "view": Role.VIEWER,
    "add": Role.OPERATOR,
    "change": Role.OPERATOR,
    "delete": Role.OPERATOR,
    "act": Role.OPERATOR,
}
SEEN_BY_ADMINS: Roles = dict.fromkeys(SEEN_BY_VIEWERS, Role.ADMIN)
SEEN_BY_SUPERUSERS: Roles = dict.fromkeys(SEEN_BY_VIEWERS)
_MAX_WORKSPACES = 1_000
_MAX_CHOICES = 50
_OTHER_PACKAGES = {"auth", "django_celery_beat", "django_celery_results"}


def roles_of(request: HttpRequest) -> dict[UUID, Role] | None:
    """The person's role in each of their workspaces; None for a superuser: admin in all."""
    user: Any = request.user
    if user.is_superuser:
        return None
    found: dict[UUID, Role] | None = getattr(request, "_workspace_roles", None)
    if found is None:
        members = user.memberships.values_list("workspace_id", "role") if user.pk else ()
        found = {workspace: Role(role) for workspace, role in members}
        request._workspace_roles = found  # type: ignore[attr-defined] # once a request
    return found


def own_workspaces(request: HttpRequest) -> list["Workspace"]:
    """The workspaces in which the person has a role, by slug; the first _MAX_WORKSPACES."""
    found: list[Workspace] | None = getattr(request, "_own_workspaces", None)
    if found is None:
        roles = roles_of(request)
        found = list(list_workspaces(None if roles is None else list(roles))[:_MAX_WORKSPACES])
        request._own_workspaces = found  # type: ignore[attr-defined] # once a request
    return found


def submitter_of(request: HttpRequest) -> str:
    """What a task keeps of the person, whatever the workspace."""
    user: Any = request.user
    return Actor(ActorKind.USER.value, "", user.get_username()[:200], None).as_submitter


def actor_in(request: HttpRequest, workspace_id: UUID) -> Actor:
    """The person with their role in the workspace, or without a role if they are no member."""
    roles = roles_of(request)
    user: Any = request.user
    return Actor(
        kind=ActorKind.USER.value,
        id=str(user.pk),
        label=user.get_username()[:200],
        role=Role.ADMIN if roles is None else roles.get(workspace_id),
    )


def actor_with_role(
    request: HttpRequest, workspace_id: UUID, needed: Role = Role.OPERATOR
) -> Actor:
    """The person, who must have the role in the workspace. Raises PermissionDenied."""
    if not is_allowed(request, needed, workspace_id):
        raise PermissionDenied(f"This needs the role {needed} in its workspace.")
    return actor_in(request, workspace_id)


def is_allowed(request: HttpRequest, needed: Role | None, workspace_id: UUID | None) -> bool:
    """Whether the person has the needed role in the workspace, or in any of theirs if the workspace
    is None. Only superusers have a needed role of None."""
    roles = roles_of(request)
    if roles is None:
        return True
    own = roles.values() if workspace_id is None else [roles.get(workspace_id)]
    return needed is not None and any(role is not None and role.includes(needed) for role in own)


class AdminAccess(_Admin):
    """Pages that ask `is_allowed` for every row, form, action and deletion.

    `workspace_lookup` is the path from a row to its workspace's id; None if the rows belong to no
    workspace: then a role in any workspace counts.
    """

    formfield_overrides: ClassVar[dict[Any, Any]] = {
        DateTimeField: {"form_class": SplitDateTimeField, "widget": LabelledDateTime}
    }
    workspace_lookup: ClassVar[str | None] = None
    required_roles: ClassVar[Roles] = SEEN_BY_SUPERUSERS

    @property
    def view_permission(self) -> str:
        """Django's permission to see the rows."""
        return f"{self.opts.app_label}.view_{self.opts.model_name}"

    def workspace_of(self, obj: Model | None) -> UUID | None:
        if obj is None or self.workspace_lookup is None:
            return None
        found: Any = obj
        for name in self.workspace_lookup.split("__"):
            found = getattr(found, name)
        return found if isinstance(found, UUID) else None

    def allows(self, request: HttpRequest, verb: str, obj: Model | None = None) -> bool:
        """Whether the person may do this to the row, or without a row to any."""
        return is_allowed(request, self.required_roles[verb], self.workspace_of(obj))

    def workspaces_for(self, request: HttpRequest, verb: str) -> list[UUID] | None:
        """The workspaces in which the person may do this; None means all."""
        roles, needed = roles_of(request), self.required_roles[verb]
        if roles is None:
            return None
        return [id_ for id_, role in roles.items() if needed is not None and role.includes(needed)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if not self.allows(request, "view"):
            return rows.none()
        return self._within(rows, self.workspaces_for(request, "view"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and self.allows(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and self.allows(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.allows(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and self.allows(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self.allows(request, "delete", obj)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """The row of a form; its workspace may come from the form. Raises PermissionDenied."""
        obj = super().save_form(request, form, change)
        if not self.allows(request, "change" if change else "add", obj):
            raise PermissionDenied("Your role in this workspace does not allow that.")
        return obj

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only objects that the person may see; for the workspace, those where they may add
        rows."""
        model = db_field.remote_field.model
        pages = self.admin_site._registry.get(model)
        if "queryset" not in kwargs and isinstance(pages, AdminAccess):
            rows = pages.get_queryset(request)
            if model._meta.label == "workspaces.Workspace":
                rows = pages._within(rows, self.workspaces_for(request, "add"))
            kwargs["queryset"] = rows
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Actions that refuse rows of workspaces in which the person may not act."""
        found: dict[str, Any] = super().get_actions(request)
        for name, (act, _, text) in found.items():
            verb = "delete" if name == "delete_selected" else "act"
            found[name] = (self._guarded(act, verb), name, text)
        return found

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The audit log about the row. Django's own log of forms where that has more."""
        from controlplane.workspaces.audit.history import show_history

        row = self.get_object(request, unquote(object_id))
        if row is not None and self.has_view_permission(request, row):
            shown = show_history(self, request, row)
            if shown is not None:
                return shown
        page: HttpResponse = super().history_view(request, object_id, extra_context)
        return page

    def _guarded(self, act: Callable[..., Any], verb: str) -> Callable[..., Any]:
        @wraps(act)
        def guarded(model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> Any:
            own = self.workspaces_for(request, verb)
            if not self.allows(request, verb) or (
                own is not None
                and self.workspace_lookup is not None
                and rows.exclude(**{f"{self.workspace_lookup}__in": own}).exists()
            ):
                raise PermissionDenied("Your role in the workspace of a row does not allow that.")
            return act(model_admin, request, rows)

        return guarded

    def _within(self, rows: QuerySet[Any], workspaces: list[UUID] | None) -> QuerySet[Any]:
        if workspaces is None or self.workspace_lookup is None:
            return rows
        return rows.filter(**{f"{self.workspace_lookup}__in": workspaces})


class SuperuserPages(AdminAccess):
    """Pages of rows that belong to no workspace, for superusers only."""


class TaskplaneAdminSite(ShellSite):
    """The site of this project. Pages of other packages (users, groups, stored Celery results,
    beat's rows) belong to no workspace, are for superusers, and come last in the index."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: app["app_label"] in _OTHER_PACKAGES)

    def get_urls(self) -> list[Any]:
        """Without `view_on_site`, which reveals whether a row exists and leads nowhere."""
        return [each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"]

    def act_as(self, request: HttpRequest) -> ActAs:
        return partial(actor_with_role, request)

    def describe_person(self, request: HttpRequest) -> Person:
        """The person, their highest role, and the workspace that the page shows: the one that it
        has set as `request.shown_workspace` or that the address names, otherwise all of theirs."""
        roles = roles_of(request)
        held = {Role.ADMIN} if roles is None else set(roles.values())
        highest = next((role for role in reversed(Role) if role in held), None)
        role = "superuser" if roles is None else highest.label.lower() if highest else "no role"
        names = {each.slug: each.name for each in own_workspaces(request)}
        several = "All workspaces" if names else ""
        shown = next(iter(names.values())) if len(names) == 1 else several
        slug = getattr(request, "shown_workspace", request.GET.get("workspace", ""))
        chosen = names.get(slug, shown)
        choices = tuple(names.items())[:_MAX_CHOICES] if len(names) > 1 else ()
        return Person(request.user.get_username(), role, chosen, choices)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Also remembers the workspace that the address of a page names."""
        return super().admin_view(remembering(view, own_workspaces), cacheable)

    def register(
        self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any
    ) -> None:
        """Register the pages; those without rules of access get those of `SuperuserPages`."""
        pages: Any = admin_class or admin.ModelAdmin
        if not issubclass(pages, AdminAccess):
            pages = type(pages)(pages.__name__, (SuperuserPages, pages), {})
        super().register(model_or_iterable, pages, **options)
