"""Exports on the pages: what they offer above a list, and the file that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from controlplane.core.admin.lists import RecordList
from controlplane.core.errors import Invalid, TooMany
from controlplane.core.exports.files import FORMATS, Format
from controlplane.workspaces.adminaccess import AdminAccess, actor_in, is_allowed, own_workspaces
from controlplane.workspaces.exporting.access import Access
from controlplane.workspaces.exporting.lists import ExportedList, Rows, find_list
from controlplane.workspaces.exporting.responses import read_format, respond
from controlplane.workspaces.exporting.stream import Wanted, start_export

if TYPE_CHECKING:
    _Pages = AdminAccess
else:
    _Pages = object

WORKSPACE = "workspace"
# What the menu adds to the address of the list, and what says only where in the list the page is.
_OF_THE_FILE = ("format", "bom", "fields")
_OF_THE_PLACE = (PAGE_VAR, "after", "before")
_SHOWN = 100  # characters of a value in the audit log
_MAX_CHOICES = 200


@dataclass(frozen=True, slots=True)
class ExportMenu:
    """What the menu offers. `hidden` is the address of the list; `workspaces` are slugs and names
    to choose from, if the list shows several."""

    action: str
    hidden: tuple[tuple[str, str], ...]
    words: str
    workspaces: tuple[tuple[str, str], ...] = ()
    formats: tuple[Format, ...] = tuple(FORMATS.values())


class ExportedRecordList(RecordList):
    """One of Django's lists, with the menu above it."""

    export: ExportMenu | None = None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        pages: Any = self.model_admin
        self.export = pages.describe_export(request, self.result_count, self.is_estimate)


class ExportPages(_Pages):
    """Pages whose list can be exported. `exported` is the name of the list, `export_permission`
    Django's permission to see it, if it is not that of the model."""

    exported: ClassVar[str] = ""
    export_permission: ClassVar[str] = ""
    change_list_template = "admin/exported_list.html"

    def get_urls(self) -> list[URLPattern]:
        found: list[URLPattern] = super().get_urls()
        if not self.exported:
            return found
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *found]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ExportedRecordList if self.exported else super().get_changelist(request, **kwargs)

    def export_rows(self, request: HttpRequest, workspaces: Sequence[UUID]) -> Rows:
        """The rows of the list at this address. Only those of the workspaces are exported, whatever
        this returns. Raises Invalid."""
        filters = {getattr(each, "parameter_name", "") for each in self.get_list_filter(request)}
        if WORKSPACE not in filters:
            request.GET = _without(request, WORKSPACE)
        try:
            rows: QuerySet[Any] = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            raise Invalid("The filters of the list cannot be read.") from None
        return rows

    def describe_export(
        self, request: HttpRequest, count: int | None, is_estimate: bool = False
    ) -> ExportMenu | None:
        """The menu above the list. `count`: how many rows it has, None if that is not known."""
        if not self.exported:
            return None
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return make_menu(request, find_list(self.exported), reverse(f"admin:{name}"), count,
                         is_estimate, workspaces=self._choose(request))  # fmt: skip

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """All rows of the list at this address, as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return self._export(request)
        except (Invalid, TooMany) as error:
            self.message_user(request, f"Nothing was exported. {error}", messages.ERROR)
            query = _without(request, *_OF_THE_FILE).urlencode()
            return HttpResponseRedirect(f"{self._list_url()}?{query}")

    def _export(self, request: HttpRequest) -> HttpResponseBase:
        given = request.GET
        file_format = read_format(given.get("format"))
        chosen = self._choose(request)
        if not chosen or (len(chosen) > 1 and self.workspace_lookup is not None):
            raise Invalid("A file has the rows of one workspace: choose it.")
        workspace_id = chosen[0].id
        request.GET = _without(request, *_OF_THE_FILE, *_OF_THE_PLACE)
        rows = self.export_rows(request, [workspace_id])
        if self.workspace_lookup is not None:
            if not isinstance(rows, QuerySet):
                raise TypeError("Computed rows cannot be limited to a workspace.")
            rows = rows.filter(**{self.workspace_lookup: workspace_id})
        return respond_to_page(
            request,
            find_list(self.exported),
            rows,
            file_format,
            workspace_id,
            permission=self.export_permission or self.view_permission,
            is_of_workspace=self.workspace_lookup is not None,
            has_mark=given.get("bom") == "1",
        )

    def _choose(self, request: HttpRequest) -> list[Any]:
        """The workspaces that the list covers and whose rows the person may see."""
        slug, needed = request.GET.get(WORKSPACE, ""), self.required_roles["view"]
        own = [each for each in own_workspaces(request) if is_allowed(request, needed, each.id)]
        if self.workspace_lookup is None:
            return own
        return [each for each in own if slug in ("", each.slug, str(each.id))]


def make_menu(
    request: HttpRequest,
    exported: ExportedList,
    action: str,
    count: int | None,
    is_estimate: bool = False,
    *,
    workspaces: Sequence[Any] = (),
) -> ExportMenu:
    """The menu above the list at this address."""
    several = tuple((each.slug, each.name) for each in workspaces[:_MAX_CHOICES])
    if len(several) > 1 and exported.is_of_workspace:
        words = f"The {exported.plural_noun} of one workspace that match"
    else:
        several = ()
        known = "All" if count is None else f"{'About ' if is_estimate else ''}{count:,}"
        noun = exported.noun if count == 1 else exported.plural_noun
        words = f"{known} {noun} that match{'es' if count == 1 else ''}"
    left_out = [*_OF_THE_FILE, *_OF_THE_PLACE, *([WORKSPACE] if several else [])]
    kept = _without(request, *left_out)
    hidden = tuple((name, value) for name, values in kept.lists() for value in values)
    return ExportMenu(action, hidden, words, several)


def respond_to_page(
    request: HttpRequest,
    exported: ExportedList,
    rows: Rows,
    file_format: Format,
    workspace_id: UUID,
    *,
    permission: str,
    columns: Sequence[str] | None = None,
    is_of_workspace: bool = True,
    has_mark: bool = False,
) -> HttpResponseBase:
    """The file. Raises Invalid, TooMany."""
    actor = actor_in(request, workspace_id)
    access = Access(
        exported.role, exported.resource, workspace_id if is_of_workspace else None, permission
    )
    wanted = Wanted(
        exported=exported,
        file_format=file_format,
        workspace_id=workspace_id,
        filter={
            name[:_SHOWN]: [value[:_SHOWN] for value in values]
            for name, values in request.GET.lists()
            if name not in _OF_THE_FILE
        },
        columns=columns,
        has_mark=has_mark,
        access=access,
    )
    return respond(request, wanted, lambda: start_export(wanted, rows, actor))


def _without(request: HttpRequest, *names: str) -> Any:
    """The parameters of the address but for these."""
    params = request.GET.copy()
    for name in names:
        params.pop(name, None)
    return params
