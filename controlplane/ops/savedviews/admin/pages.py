"""The pages of saved views: all that the person sees, one to edit, and what the bar sends."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from controlplane.core.admin.actions import ask, is_confirmed
from controlplane.core.admin.display import Question, time_column
from controlplane.core.admin.pages import OperationalAdmin
from controlplane.core.admin.undo import show_unchanged
from controlplane.core.formatting import EMPTY
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.visibletext import isolated_text
from controlplane.ops.savedviews.admin.bar import find_own, page_url, workspace_in_address
from controlplane.ops.savedviews.admin.forms import EditForm, SaveForm
from controlplane.ops.savedviews.content import MAX_ADDRESS, describe, read_address, read_kept
from controlplane.ops.savedviews.editing import (
    Changes,
    change_view,
    create_view,
    delete_view,
    may_change,
    may_delete,
)
from controlplane.ops.savedviews.models import SavedView
from controlplane.ops.savedviews.queries import seen_by
from controlplane.workspaces.adminaccess import actor_in, is_allowed
from controlplane.workspaces.adminpages import WorkspaceFilter, WorkspacePages
from controlplane.workspaces.lists import SavableList, all_lists, find_list
from controlplane.workspaces.states import ActorKind, Role


class ListNameFilter(admin.SimpleListFilter):
    """By the list of which it is a view."""

    title = "list"
    parameter_name = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.name, each.title) for each in all_lists()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = self.value()
        return queryset if name is None else queryset.filter(list_name=name.replace("\0", ""))


@admin.register(SavedView)
class SavedViewAdmin(WorkspacePages, OperationalAdmin):
    """Everybody with a role in a workspace keeps views: no permission of Django is asked for."""

    required_roles = dict.fromkeys(("view", "add", "change", "delete", "act"), Role.VIEWER)
    list_display = [
        "name",
        "opened",
        "of_list",
        "shows",
        "whose",
        "pinned",
        "workspace",
        time_column("updated_at"),
    ]
    list_filter = [ListNameFilter, "is_shared", WorkspaceFilter]
    list_select_related = ["workspace"]
    search_fields = ["name"]
    search_help_text = "A part of the name."
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []
    fieldsets: ClassVar[Any] = [(None, {"fields": ["id"]})]

    def extra_pages(self) -> Sequence[tuple[str, Callable[..., HttpResponse], str]]:
        return [
            ("save/", self.save_view, "save"),
            ("<uuid:object_id>/keep/", self.keep_view, "keep"),
            ("<uuid:object_id>/remove/", self.remove_view, "remove"),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.allows(request, "view", obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.allows(request, "change", obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A view is saved from its list."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """Nobody sees a private view of somebody else, whatever their role."""
        user: Any = request.user
        own = seen_by(ActorKind.USER.value, str(user.pk)).values("id")
        return super().get_queryset(request).filter(id__in=own).select_related("workspace")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Its name, whether it is shared and pinned; and the button that deletes it."""
        view_id = parse_uuid_or_none(object_id)
        view = self.get_queryset(request).filter(pk=view_id).first() if view_id else None
        if view is None:
            text = "This view was deleted, or it is not yours to see."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:index"))
        actor = actor_in(request, view.workspace_id)
        is_changeable = may_change(view, actor)
        if request.method == "POST" and not is_changeable:
            raise PermissionDenied("A shared view is changed by operators.")
        form = EditForm(
            request.POST or None,
            view=view,
            may_share=is_allowed(request, Role.OPERATOR, view.workspace_id),
        )

        def submit() -> str:
            changed = change_view(
                workspace_id=view.workspace_id,
                view_id=view.id,
                changes=form.changes,
                actor=actor,
                seen_version=form.cleaned_data["version"],
            )
            self._say_saved(request, changed, view.version)
            return self._opened_url(request, changed)

        of = find_list(view.list_name)
        return self.form_page(
            request,
            form,
            submit,
            template="savedviews/edit.html",
            title=f"View {view}",
            history_of=view,
            button="Save",
            words="" if of is None else f"{of.title}: {_words(of, view)}",
            may_change=is_changeable,
            back=self._opened_url(request, view),
            may_delete=may_delete(view, actor),
            remove_url=reverse("admin:savedviews_savedview_remove", args=[view.pk]),
            question=_question(view),
        )

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Save what the address of a list shows as a new view."""
        given = request.POST if request.method == "POST" else request.GET
        of = find_list(given.get("list", ""))
        if not self.has_view_permission(request):
            raise PermissionDenied
        if of is None:
            self.message_user(request, "Save a view from its list.", messages.WARNING)
            return HttpResponseRedirect(self._list_url())
        address = given.get("address", "")[:MAX_ADDRESS]
        params = QueryDict(address)
        named = given.get("workspace") or params.get("workspace", "")
        workspace_id = find_own(request, named) or find_own(request, "")
        if workspace_id is None:
            raise PermissionDenied
        form = SaveForm(
            request.POST or None,
            list_name=of.name,
            address=address,
            may_share=is_allowed(request, Role.OPERATOR, workspace_id),
            workspace=named,
        )

        def submit() -> str:
            view = create_view(
                workspace_id=workspace_id,
                list_name=of.name,
                name=form.cleaned_data["name"],
                content=read_address(of, params),
                actor=actor_in(request, workspace_id),
                is_shared=form.cleaned_data.get("is_shared", False),
                is_pinned=form.cleaned_data["is_pinned"],
            )
            self.message_user(request, f"Saved: {view}.", messages.SUCCESS)
            return self._opened_url(request, view)

        return self.form_page(
            request,
            form,
            submit,
            title=f"Save a view of {of.title}",
            button="Save view",
            back=f"{_list_url(of)}?{address}",
        )

    @method_decorator(require_POST)
    def keep_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Save what the address of its list shows in the view."""
        view = self.get_row(request, object_id)
        of = find_list(view.list_name)
        if of is None:
            raise Http404("There is no such list.")
        address = request.POST.get("address", "")[:MAX_ADDRESS]
        version = request.POST.get("version", "")

        def keep() -> None:
            content = read_address(of, QueryDict(address))
            change_view(
                workspace_id=view.workspace_id,
                view_id=view.id,
                changes=Changes(
                    filters=content.filters, sort=content.sort, columns=content.columns
                ),
                actor=actor_in(request, view.workspace_id),
                seen_version=int(version) if version.isdecimal() and len(version) < 10 else None,
            )

        before = view.version
        if not self.call_service(request, keep):
            return HttpResponseRedirect(f"{_list_url(of)}?{address}")
        view.refresh_from_db()
        self._say_saved(request, view, before)
        return HttpResponseRedirect(self._opened_url(request, view))

    def _say_saved(self, request: HttpRequest, view: SavedView, version: int) -> None:
        """A message about a view that had this version."""
        if view.version == version:
            show_unchanged(request, f"the view {view}")
        else:
            self.message_user(request, f"Saved: {view}.", messages.SUCCESS)

    @method_decorator(require_POST)
    def remove_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Delete it, after the question."""
        view = self.get_row(request, object_id)
        actor = actor_in(request, view.workspace_id)
        if not may_delete(view, actor):
            raise PermissionDenied("Only its owner or an admin deletes a shared view.")
        if not is_confirmed(request):
            return ask(self, request, view, _question(view))
        self.call_service(
            request,
            lambda: delete_view(workspace_id=view.workspace_id, view_id=view.id, actor=actor),
            f"Deleted: {view}.",
        )
        of = find_list(view.list_name)
        return HttpResponseRedirect(self._list_url() if of is None else _list_url(of))

    @admin.display(description="list")
    def of_list(self, view: SavedView) -> str:
        of = find_list(view.list_name)
        return view.list_name if of is None else of.title

    @admin.display(description="shows")
    def shows(self, view: SavedView) -> str:
        of = find_list(view.list_name)
        return "the list no longer exists" if of is None else _words(of, view)

    @admin.display(description="whose")
    def whose(self, view: SavedView) -> str:
        owner = isolated_text(view.owner_label)
        return f"shared, by {owner}" if view.is_shared else "private"

    @admin.display(description="pinned")
    def pinned(self, view: SavedView) -> str:
        return "yes" if view.is_pinned else "no"

    @admin.display(description="page")
    def opened(self, view: SavedView) -> str:
        of = find_list(view.list_name)
        if of is None:
            return EMPTY
        content, _ = read_kept(of, view.filters, view.sort, view.columns)
        slug = view.workspace.slug if of.is_by_workspace else ""
        url = page_url(of, content, workspace=slug, saved=str(view.id))
        return format_html('<a href="{}" aria-label="Open {}">Open</a>', url, view.name)

    def _opened_url(self, request: HttpRequest, view: SavedView) -> str:
        """The list, as the view shows it."""
        of = find_list(view.list_name)
        if of is None:
            return self._list_url()
        content, _ = read_kept(of, view.filters, view.sort, view.columns)
        slug = workspace_in_address(request, of, view.workspace.slug)
        return page_url(of, content, workspace=slug, saved=str(view.id))


def _list_url(of: SavableList) -> str:
    return page_url(of, read_kept(of, {}, "", ())[0])


def _words(of: SavableList, view: SavedView) -> str:
    content, problems = read_kept(of, view.filters, view.sort, view.columns)
    gone = f"; no longer known: {len(problems)}" if problems else ""
    return describe(of, content) + gone


def _question(view: SavedView) -> Question:
    whom = "Everybody in the workspace loses it." if view.is_shared else "Only you have it."
    return Question("Delete the view?", whom, "Delete the view")
