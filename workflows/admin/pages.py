"""What the pages of workflows and of runs have in common."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from controlplane.core.adminpages import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.ids import parse_uuid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminaccess import WorkspacePages
from workflows.admin.forms import InputForm

Start = Callable[[Any, Actor], tuple[Any, bool]]


class WorkflowPages(WorkspacePages, ReadOnlyAdmin):
    """Pages of the rows of the person's workspaces, with buttons that call services."""

    class Media:
        css = {"all": ["controlplane/hues.css", "workflows/admin.css"]}

    def tell(self, request: HttpRequest, act: Callable[[], object], done: str) -> bool:
        """Do it, and say what came of it; whether it was done."""
        try:
            act()
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        self.message_user(request, done, messages.SUCCESS)
        return True

    def input_page(
        self, request: HttpRequest, form: InputForm, start: Start, **context: Any
    ) -> HttpResponse:
        """The form of an input; a good one starts a run and leads to it.

        `context` has `original` (the row), `title`, `button`, `back` (a path) and `schema_text`.
        """
        actor = self.operator(request, context["original"].workspace_id)
        if request.method == "POST" and form.is_valid():
            try:
                run, _ = start(form.cleaned_data["input"], actor)
            except DomainError as error:
                form.refuse(error)
            else:
                self.message_user(request, "The run has started.", messages.SUCCESS)
                return to_run(run.id)
        everywhere = self.admin_site.each_context(request)
        return TemplateResponse(
            request,
            "admin/workflows/input.html",
            {**everywhere, **context, "form": form, "opts": self.opts, "media": self.media},
        )


def to_run(run_id: UUID) -> HttpResponseRedirect:
    """To the page of a run."""
    return HttpResponseRedirect(reverse("admin:workflows_workflowrun_change", args=[run_id]))


@admin.display(description="status")
def badge(state: str | None) -> str:
    """A state as words in a coloured frame; the words say all, the colour repeats it."""
    if not state:
        return "-"
    return format_html('<span class="hue-badge wf-{}">{}</span>', state, state.capitalize())


def as_id(text: str) -> UUID | None:
    """A search term as an id, if it is one."""
    try:
        return parse_uuid(text.strip())
    except ValueError:
        return None
