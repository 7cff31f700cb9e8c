"""Undo: what a person has just changed can be changed back by one button, on the page that follows.

An app registers a function for each kind of change; `offer_undo` keeps in the session what that
function needs. It goes through the services as the person, who may have lost the right since, and
refuses what somebody else has changed in between.
"""

import secrets
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from controlplane.core.errors import DomainError
from controlplane.core.requests import stating_reason

# Changes it back, and returns the sentence about it. Raises DomainError, PermissionDenied.
Undoer = Callable[[HttpRequest, dict[str, Any]], str]

_SESSION = "undo"
_KEPT = 5  # of the newest changes: several tabs may be open
_REASON = "Undo"
_undoers: dict[str, Undoer] = {}


def register_undo(kind: str) -> Callable[[Undoer], Undoer]:
    """Let this function undo changes of the kind."""

    def decorate(undo: Undoer) -> Undoer:
        _undoers[kind] = undo
        return undo

    return decorate


def offer_undo(request: HttpRequest, kind: str, values: dict[str, Any], text: str) -> None:
    """The next page shows `text` with a button. `values` must be JSON."""
    key = f"undo-{secrets.token_hex(8)}"
    kept = {**request.session.get(_SESSION, {}), key: {"kind": kind, "values": values}}
    request.session[_SESSION] = dict(list(kept.items())[-_KEPT:])
    # The tag leads the template to the button.
    messages.success(request, text, extra_tags=key)


@require_POST
def undo_view(request: HttpRequest) -> HttpResponse:
    """The button: undo that change once, and go back to the page that showed it."""
    kept = dict(request.session.get(_SESSION, {}))
    found = kept.pop(request.POST.get("undo", ""), None)
    request.session[_SESSION] = kept
    back = HttpResponseRedirect(own_address(request) or reverse("admin:index"))
    if found is None:
        messages.add_message(request, messages.ERROR, "There is nothing to undo any more.")
        return back
    try:
        with stating_reason(_REASON):
            text = _undoers[found["kind"]](request, found["values"])
    except DomainError as error:
        messages.add_message(request, messages.ERROR, f"Not undone. {error}")
    else:
        messages.success(request, text)
    return back


def own_address(request: HttpRequest) -> str:
    """Where the form or the address wants to go afterwards, if it is of this site; else empty."""
    found = request.POST.get("next") or request.GET.get("next") or ""
    is_own = url_has_allowed_host_and_scheme(found, allowed_hosts={request.get_host()})
    return found if is_own and found.startswith("/") else ""
