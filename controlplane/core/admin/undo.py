"""The button that undoes what a person has just changed, on the page that follows. `offer_undo`
keeps in the session what `controlplane.core.undo` needs."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from controlplane.core.errors import DomainError
from controlplane.core.undo import ActAs, undo

_SESSION = "undo"
_KEPT = 5  # of the newest changes: several tabs may be open


def offer_undo(
    request: HttpRequest,
    kind: str,
    values: dict[str, Any] | None,
    text: str,
    *,
    level: int = messages.SUCCESS,
) -> None:
    """The next page shows `text` with a button. `values` must be JSON; None if there is nothing to
    undo. `level` is another one where not all of it happened."""
    if values is None:
        messages.add_message(request, level, text)
        return
    key = f"undo-{secrets.token_hex(8)}"
    kept = {**request.session.get(_SESSION, {}), key: {"kind": kind, "values": values}}
    request.session[_SESSION] = dict(list(kept.items())[-_KEPT:])
    # The tag leads the template to the button.
    messages.add_message(request, level, text, extra_tags=key)


def show_unchanged(request: HttpRequest, what: str) -> None:
    """A message, which is not green, for a change of `what` to what it is already."""
    messages.info(request, f"Nothing to change: {what} already has these values.")


def undo_kept(request: HttpRequest, act_as: ActAs) -> HttpResponse:
    """The button: undo that change once, and go back to the page that showed it."""
    kept = dict(request.session.get(_SESSION, {}))
    found = kept.pop(request.POST.get("undo", ""), None)
    request.session[_SESSION] = kept
    back = HttpResponseRedirect(own_address(request) or reverse("admin:index"))
    if found is None:
        messages.add_message(request, messages.ERROR, "There is nothing to undo any more.")
        return back
    try:
        undone = undo(found["kind"], found["values"], act_as)
    except DomainError as error:
        messages.add_message(request, messages.ERROR, f"Not undone. {error}")
    else:
        level = messages.SUCCESS if undone.is_whole else messages.WARNING
        messages.add_message(request, level, undone.text)
    return back


def own_address(request: HttpRequest) -> str:
    """Where the form or the address wants to go afterwards, if it is of this site; else empty."""
    found = request.POST.get("next") or request.GET.get("next") or ""
    is_own = url_has_allowed_host_and_scheme(found, allowed_hosts={request.get_host()})
    return found if is_own and found.startswith("/") else ""
