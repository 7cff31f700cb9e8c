"""The question before an operation starts: what it would do, asked for by an address.

    ?target=tasks&action=retry&workspace=payments&filter={"status":["FAILED"]}
    ?target=tasks&workspace=payments&id=018f…&id=018f…
    ?target=schedules&action=resume&workspace=payments&operation=018f…

Without an action it lets the person choose one first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from controlplane.core.admin.forms import ServiceForm
from controlplane.core.errors import Conflict, DomainError, FieldError, Invalid
from controlplane.core.ids import parse_uuid_or_none
from controlplane.core.requests import MAX_REASON
from controlplane.core.schema import represent
from controlplane.core.strictjson import MalformedJsonError, parse_json
from controlplane.ops.operations.control import start_operation
from controlplane.ops.operations.schema import MAX_RATE, MIN_RATE
from controlplane.workspaces.adminaccess import actor_in
from controlplane.workspaces.adminpages import list_own_workspaces
from controlplane.workspaces.bulk import BulkVerb, find_verb, list_verbs
from controlplane.workspaces.bulk.preview import (
    Preview,
    find_bulk_verb,
    make_preview,
    read_options,
)
from controlplane.workspaces.bulk.schema import OperationPreview
from controlplane.workspaces.bulk.selection import read_selection
from controlplane.workspaces.states import Role

_MAX_FILTER = 20_000
_HIDDEN = ("restore-priority",)  # offered by the operation that it undoes


class StartForm(ServiceForm):
    """What the person adds to a preview."""

    token = forms.CharField(widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=MAX_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Everybody who looks at the operation reads it.",
        error_messages={"required": "Give the reason."},
    )
    rate_per_second = forms.FloatField(
        min_value=MIN_RATE,
        max_value=MAX_RATE,
        required=False,
        label="Rate per second",
        help_text="Maximum number changed per second. Empty: no limit.",
    )

    def __init__(self, *args: Any, needs_reason: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].required = needs_reason


def show(pages: Any, request: HttpRequest) -> HttpResponse:
    """The page; posted, it starts the operation. Raises PermissionDenied."""
    offered = _list_offered(pages, request)
    workspace = _find_workspace(request)
    if workspace is None:
        text = "Choose one workspace first: an operation is for one of them."
        pages.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(pages.to_list())
    actor = pages.require_operator(request, workspace.id)
    shows_reason, is_sent = _shows_reason(request.GET), request.method == "POST"
    form = StartForm(request.POST, needs_reason=shows_reason) if is_sent else None
    drift = ""
    if form is not None and form.is_valid():
        try:
            return _start(pages, request, workspace, form)
        except Conflict as error:
            drift = error.detail
        except DomainError as error:
            form.refuse(error)
    verb, preview, problem = None, None, ""
    try:
        verb = _find_verb(request)
        preview = _preview(request, workspace, verb) if verb else None
    except DomainError as error:
        problem = str(error)
    page: HttpResponse = pages.render(
        request,
        "operations/new.html",
        title=preview.title if preview else "Bulk operation",
        is_list=True,
        preview=represent(OperationPreview, preview, actor) if preview else None,
        rest=_count_rest(preview),
        form=_fill(form, preview, shows_reason=shows_reason),
        drift=drift,
        problem=problem,
        workspace=workspace,
        **_choices(request, verb, offered),
    )
    return page


def _start(pages: Any, request: HttpRequest, workspace: Any, form: StartForm) -> HttpResponse:
    values = form.cleaned_data
    operation = start_operation(
        workspace_id=workspace.id,
        token=values["token"],
        actor=actor_in(request, workspace.id),
        reason=values["reason"],
        rate_per_second=values["rate_per_second"],
    )
    started: HttpResponse = pages.to_started(request, operation)
    return started


def _shows_reason(params: QueryDict) -> bool:
    """Whether each object shows the reason afterwards. An undo gives back the earlier ones."""
    verb = find_verb(params.get("target", ""), params.get("action", ""))
    is_undo = bool(params.get("operation")) and params.get("rest") != "1"
    return verb is not None and verb.shows_reason and not is_undo


def _fill(
    form: StartForm | None, preview: Preview | None, *, shows_reason: bool
) -> StartForm | None:
    """The form with a token for the preview that the page shows: after a drift, that of now."""
    if preview is None or not preview.plan.members.count:
        return None
    needs_reason = shows_reason or preview.plan.needs_reason
    if form is None:
        return StartForm(initial={"token": preview.token}, needs_reason=needs_reason)
    form.data = {**form.data.dict(), "token": preview.token}  # type: ignore[attr-defined] # a QueryDict
    form.fields["reason"].required = needs_reason
    return form


def _list_offered(pages: Any, request: HttpRequest) -> list[BulkVerb]:
    """The verbs for the target of the address, or for every one that the person may see: the page
    shows its rows. Raises PermissionDenied if there is none."""
    known = list_verbs(request.GET.get("target", "")) or list_verbs()
    offered = [verb for verb in known if _pages_of(pages, verb).has_view_permission(request)]
    if not offered:
        needed = sorted({_pages_of(pages, verb).view_permission for verb in known})
        text = f"You may not see this. It needs the permission {' or '.join(needed)}."
        raise PermissionDenied(text)
    return offered


def _pages_of(pages: Any, verb: BulkVerb) -> Any:
    """The pages of what the verb is for."""
    app, _, model = verb.target.page.rpartition("_")
    return pages.admin_site._registry[apps.get_model(app, model)]


def _find_workspace(request: HttpRequest) -> Any:
    """The workspace that the address names, or the person's only one."""
    own = list_own_workspaces(request, Role.OPERATOR)
    slug = request.GET.get("workspace", "")
    named = [each for each in own if each.slug == slug] if slug else own
    return named[0] if len(named) == 1 else None


def _find_verb(request: HttpRequest) -> BulkVerb | None:
    action = request.GET.get("action", "")
    return find_bulk_verb(request.GET.get("target", ""), action) if action else None


def _preview(request: HttpRequest, workspace: Any, verb: BulkVerb) -> Preview:
    params = request.GET
    origin = params.get("operation", "")
    return make_preview(
        workspace_id=workspace.id,
        verb=verb,
        selection=read_selection(
            verb.target,
            ids=params.getlist("id") or None,
            wanted=_read_filter(params),
            origin=_read_origin(origin) if origin else None,
            is_all=params.get("all") == "1",
            is_rest=params.get("rest") == "1",
        ),
        options=read_options(verb, _read_options(params, verb)),
        actor=actor_in(request, workspace.id),
    )


def _read_origin(text: str) -> Any:
    found = parse_uuid_or_none(text)
    if found is None:
        raise Invalid(errors=[FieldError(field="operation", message="This is not an id.")])
    return found


def _read_filter(params: QueryDict) -> Mapping[str, Any] | None:
    text = params.get("filter")
    if text is None:
        return None
    try:
        found = parse_json(text[:_MAX_FILTER].encode(), max_depth=32)
    except (MalformedJsonError, Invalid, UnicodeEncodeError) as error:
        raise Invalid(errors=[FieldError(field="filter", message=str(error))]) from error
    if not isinstance(found, dict):
        raise Invalid(errors=[FieldError(field="filter", message="This must be an object.")])
    return found


def _read_options(params: QueryDict, verb: BulkVerb) -> dict[str, Any]:
    """The options of the verb, which are whole numbers."""
    if verb.options is None:
        return {}
    found: dict[str, Any] = {}
    for name in verb.options.model_fields:
        text = params.get(f"option-{name}", "").strip()
        if text.removeprefix("-").isdecimal() and len(text) < 10:
            found[name] = int(text)
    return found


def _choices(
    request: HttpRequest, chosen: BulkVerb | None, offered: Sequence[BulkVerb]
) -> dict[str, Any]:
    """The form that chooses the action, with everything else of the address kept."""
    params = request.GET
    known = [v for v in list_verbs(params.get("target", "")) if v in offered]
    own = {"action", *(name for name in params if name.startswith("option-"))}
    return {
        "verbs": [(v.name, v.title.removesuffix(" of")) for v in known if v.name not in _HIDDEN],
        "verb": chosen,
        "kept": [
            (name, each) for name in params if name not in own for each in params.getlist(name)
        ],
        "priority": params.get("option-priority", ""),
        "needs_priority": chosen is not None and chosen.options is not None,
        "is_fixed": bool(params.get("operation")),  # an undo, or the rest
        "back": _back_url(params),
    }


def _back_url(params: QueryDict) -> str:
    """The list of the objects."""
    known = list_verbs(params.get("target", ""))
    page = known[0].target.page if params.get("target") and known else "operations_operation"
    return reverse(f"admin:{page}_changelist")


def _count_rest(preview: Preview | None) -> int:
    return 0 if preview is None else max(0, preview.plan.members.count - len(preview.first))
