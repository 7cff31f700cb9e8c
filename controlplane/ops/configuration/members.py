"""Members of a workspace: added, given another role, removed."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode

from controlplane.core.admin.actions import ask, is_confirmed
from controlplane.core.admin.display import Question
from controlplane.core.admin.forms import ServiceForm
from controlplane.core.errors import DomainError
from controlplane.core.visibletext import isolated_text
from controlplane.ops.configuration.access import choose_workspace, make_probe, require_verb
from controlplane.ops.configuration.sections import MEMBERS, pages_of, render, section_url
from controlplane.workspaces.queries import list_members
from controlplane.workspaces.services import add_member, invite_member, remove_member
from controlplane.workspaces.states import Role

MAX_MEMBERS = 200


class MemberForm(ServiceForm):
    """Somebody who has an account, and their role here."""

    user = forms.CharField(
        max_length=150,
        label="User name",
        help_text="The exact name. An account is made under Users, or with `manage.py "
        "createsuperuser`.",
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER.value)


def members(request: HttpRequest) -> HttpResponse:
    """The members of one workspace; posted, a new one."""
    workspace, own = choose_workspace(request, MEMBERS)
    form = MemberForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        actor = require_verb(request, MEMBERS, "add", make_probe(MEMBERS, workspace))
        if form.is_valid():
            user, role = form.cleaned_data["user"], form.cleaned_data["role"]
            try:
                invite_member(workspace=workspace, name=user, role=role, actor=actor)
            except DomainError as error:
                form.refuse(error)
            else:
                name = isolated_text(user)
                messages.success(request, f"Added {name} to {workspace.slug} as {role}.")
                return _to_list(workspace.slug)
    rows = list(list_members(workspace)[: MAX_MEMBERS + 1])
    pages = pages_of(MEMBERS)
    probe = make_probe(MEMBERS, workspace)
    return render(
        request,
        "members",
        workspace=workspace,
        workspaces=own,
        form=form,
        is_open=form.is_bound,
        members=rows[:MAX_MEMBERS],
        has_more=len(rows) > MAX_MEMBERS,
        roles=Role.choices,
        own_id=request.user.pk,
        admins=sum(each.role == Role.ADMIN for each in rows),
        may_add=pages.has_add_permission(request),
        may_change=pages.has_change_permission(request, probe),
        may_remove=pages.has_delete_permission(request, probe),
    )


def change_role(request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Another role for a member."""
    member = _find(request, object_id)
    actor = require_verb(request, MEMBERS, "change", member)
    name, role = isolated_text(member.user), request.POST.get("role", "")
    try:
        add_member(workspace=member.workspace, user=member.user, role=role, actor=actor)
    except DomainError as error:
        details = [each["message"] for each in error.errors]
        messages.error(request, " ".join(details) or str(error))
    else:
        if role == member.role:
            messages.info(request, f"Nothing to change: {name} already has the role {role}.")
        else:
            messages.success(request, f"Changed the role of {name} to {role}.")
    return _to_list(member.workspace.slug)


def remove(request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Take the role away, after a second look."""
    member = _find(request, object_id)
    actor = require_verb(request, MEMBERS, "delete", member)
    if not is_confirmed(request):
        return ask(pages_of(MEMBERS), request, member, question_of(member))
    try:
        remove_member(member=member, actor=actor)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        name = isolated_text(member.user)
        messages.success(request, f"Removed {name} from {member.workspace.slug}.")
    return _to_list(member.workspace.slug)


def question_of(member: Any) -> Question:
    return Question(
        title=f"Remove {isolated_text(member.user)} from {member.workspace.slug}?",
        text="They can no longer see or change anything in this workspace. Their account, and what "
        "they did, stay.",
        button="Remove",
    )


def _find(request: HttpRequest, member_id: UUID) -> Any:
    rows = pages_of(MEMBERS).get_queryset(request).select_related("user", "workspace")
    member = rows.filter(pk=member_id).first()
    if member is None:
        raise Http404("There is no such member, or it belongs to another workspace.")
    return member


def _to_list(slug: str) -> HttpResponse:
    return HttpResponseRedirect(f"{section_url('members')}?{urlencode({'workspace': slug})}")
