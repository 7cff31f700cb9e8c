"""API keys of a workspace: listed, created and revoked."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode

from controlplane.core.admin.actions import ask, is_confirmed
from controlplane.core.admin.display import Question
from controlplane.core.admin.forms import ServiceForm
from controlplane.core.clock import now
from controlplane.core.errors import DomainError
from controlplane.core.visibletext import isolated_text
from controlplane.ops.configuration.access import choose_workspace, make_probe, require_verb
from controlplane.ops.configuration.sections import KEYS, pages_of, render, section_url
from controlplane.workspaces.queries import list_api_keys
from controlplane.workspaces.services import create_api_key, revoke_api_key
from controlplane.workspaces.states import Role

MAX_KEYS = 200
_LIVES = (
    ("30", "in 30 days"),
    ("90", "in 90 days"),
    ("365", "in a year"),
    ("", "never"),
)
_NEVER_USED = timedelta(days=90)


class KeyForm(ServiceForm):
    """A new key."""

    api_fields = {"expiresAt": "days"}

    name = forms.CharField(max_length=200, help_text="What uses it, such as “nightly import”.")
    role = forms.ChoiceField(
        choices=Role.choices,
        initial=Role.OPERATOR.value,
        help_text="A viewer reads; an operator also submits, cancels and retries; an admin also "
        "changes configuration, keys and members.",
    )
    scopes = forms.CharField(
        required=False,
        max_length=3_000,
        help_text="Such as tasks:read, tasks:write or *:read, separated by commas or spaces. Leave "
        "empty to allow everything that the role allows.",
    )
    days = forms.ChoiceField(
        choices=_LIVES, required=False, initial="90", label="Expires",
    )  # fmt: skip

    def clean_scopes(self) -> list[str]:
        return [each for each in re.split(r"[\s,]+", self.cleaned_data["scopes"]) if each]

    @property
    def values(self) -> dict[str, Any]:
        """Those of `create_api_key`, after is_valid()."""
        days = self.cleaned_data["days"]
        return {
            "name": self.cleaned_data["name"],
            "role": self.cleaned_data["role"],
            "scopes": self.cleaned_data["scopes"],
            "expires_at": now() + timedelta(days=int(days)) if days else None,
        }


def keys(request: HttpRequest) -> HttpResponse:
    """The keys of one workspace; posted, a new one, whose secret is on this response only."""
    workspace, own = choose_workspace(request, KEYS)
    form = KeyForm(request.POST if request.method == "POST" else None)
    created = None
    if request.method == "POST":
        actor = require_verb(request, KEYS, "add", make_probe(KEYS, workspace))
        if form.is_valid():
            try:
                created = create_api_key(workspace=workspace, actor=actor, **form.values)
            except DomainError as error:
                form.refuse(error)
            else:
                form = KeyForm()
    return _page(request, workspace, own, form, created)


def _page(
    request: HttpRequest, workspace: Any, own: list[Any], form: KeyForm, created: Any
) -> HttpResponse:
    rows = list(list_api_keys(workspace).order_by("-id")[: MAX_KEYS + 1])
    at = now()
    probe = make_probe(KEYS, workspace)
    return render(
        request,
        "keys",
        workspace=workspace,
        workspaces=own,
        form=form,
        is_open=form.is_bound,
        created=created,
        keys=[(key, _state_of(key, at)) for key in rows[:MAX_KEYS]],
        has_more=len(rows) > MAX_KEYS,
        may_add=pages_of(KEYS).has_add_permission(request),
        may_revoke=pages_of(KEYS).has_change_permission(request, probe),
    )


def _state_of(key: Any, at: Any) -> tuple[str, str]:
    """The shape of its state, and the word."""
    if key.revoked_at is not None:
        return "CANCELLED", "Revoked"
    if key.expires_at is not None and key.expires_at <= at:
        return "CANCELLED", "Expired"
    if key.last_used_at is None:
        is_old = key.created_at < at - _NEVER_USED
        return ("warning", "Never used") if is_old else ("SCHEDULED", "Not used yet")
    return "COMPLETED", "Active"


def revoke(request: HttpRequest, object_id: UUID) -> HttpResponse:
    """End a key, after a second look."""
    pages = pages_of(KEYS)
    rows = pages.get_queryset(request).select_related("workspace")
    key = rows.filter(pk=object_id).first()
    if key is None:
        raise Http404("There is no such key, or it belongs to another workspace.")
    actor = require_verb(request, KEYS, "change", key)
    if not is_confirmed(request):
        return ask(pages, request, key, question_of(key))
    try:
        revoke_api_key(workspace=key.workspace, key_id=key.id, actor=actor)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The key {isolated_text(key.name)} is revoked.")
    return HttpResponseRedirect(
        f"{section_url('keys')}?{urlencode({'workspace': key.workspace.slug})}"
    )


def question_of(key: Any) -> Question:
    return Question(
        title=f"Revoke the key {key.prefix}…?",
        text="Requests with this key are refused at once. A revoked key cannot be restored.",
        button="Revoke",
    )
