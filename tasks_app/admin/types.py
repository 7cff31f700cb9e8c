"""The pages of task types: what nodes declare, and what nobody declares any more."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.core.admin.pages import ReadOnlyAdmin
from controlplane.workspaces.adminaccess import own_workspaces, roles_of
from controlplane.workspaces.adminpages import InstallationPages
from controlplane.workspaces.exporting.lists import Rows
from tasks_app.admin.typepages import MAX_TYPES, Line, describe_type, find_lines
from tasks_app.models import TypeDeclaration
from tasks_app.queries.declarations import TypeView


@admin.register(TypeDeclaration)
class TypeAdmin(InstallationPages, ReadOnlyAdmin):
    """Nodes serve all workspaces, so everybody with a role sees all declarations; counts and uses
    are those of the person's workspaces."""

    fields: ClassVar[Any] = ["type"]
    exported = "task-types"
    export_permission = "tasks_app.view_task"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Types are seen by those who see tasks."""
        user: Any = request.user
        return user.has_perm("tasks_app.view_task") and self.allows(request, "view", obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def extra_pages(self) -> list[Any]:
        return [("of/", self.type_view, "of")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What needs a look first."""
        if not self.has_view_permission(request) or request.method == "POST":
            raise PermissionDenied
        lines, sentence = self._find_lines(request)
        return self.render(
            request,
            "tasks_app/types/list.html",
            title="Task types",
            is_list=True,
            search=_search_of(request),
            lines=lines[:MAX_TYPES],
            total=len(lines),
            sentence=sentence,
            has_more=len(lines) > MAX_TYPES,
            export=self.describe_export(request, len(_declared(lines))),
        )

    def export_rows(self, request: HttpRequest, workspaces: Sequence[UUID]) -> Rows:
        """Those that some node or this app has declared: of the others there is but a name."""
        return _declared(self._find_lines(request)[0])

    def _find_lines(self, request: HttpRequest) -> tuple[list[Line], str]:
        workspaces = [each.id for each in own_workspaces(request)]
        return find_lines(workspaces, roles_of(request) is None, _search_of(request))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of the type that one declaration is of."""
        row = self.get_object(request, object_id)
        if row is None or request.method == "POST":
            return super().change_view(request, object_id, form_url, extra_context)
        return self._show(request, row.type)

    def type_view(self, request: HttpRequest) -> HttpResponse:
        """One type, by its name."""
        return self._show(request, request.GET.get("name", "").replace("\0", ""))

    def _show(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        workspaces = [each.id for each in own_workspaces(request)]
        context = describe_type(request, name[:200], workspaces, roles_of(request) is None)
        if context is None:
            self.message_user(request, "There is no such task type.", messages.WARNING)
            return HttpResponseRedirect(self._list_url())
        return self.render(request, "tasks_app/types/page.html", title=name, **context)


def _search_of(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:200]


def _declared(lines: Sequence[Line]) -> list[TypeView]:
    return [line.view for line in lines if line.view.shown is not None]
