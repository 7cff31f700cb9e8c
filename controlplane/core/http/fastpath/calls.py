"""One request on its way to a response, and several of them together."""

import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import IO, Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.exception import response_for_exception
from django.http.response import HttpResponseBase

from controlplane.core.http.fastpath.replies import make_reply
from controlplane.core.http.fastpath.requests import KeyRequest, is_secure
from controlplane.core.http.fastpath.routes import Route
from controlplane.core.http.messages import Reply, Scope
from controlplane.core.http.middleware import request_facts
from controlplane.core.http.verbs import Rendered
from controlplane.core.requests import API, enter_request, leave_request, observe_request


class Call:
    """One request on its way through the REST framework's steps."""

    def __init__(
        self,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        body: IO[bytes],
        route: Route,
        parts: dict[str, Any],
    ) -> None:
        self._began = time.perf_counter()
        self._scope, self._headers, self._parts = scope, headers, parts
        self.route = route
        self.request = KeyRequest(scope, headers, body)
        self._view = route.make_view(self.request, parts)
        self._facts = request_facts(self.request, API)
        self._response: Rendered | HttpResponseBase | None = None
        self.given: list[Any] = []
        self.outcome: Any = None

    @property
    def is_refused(self) -> bool:
        """Whether it has its response already."""
        return self._response is not None

    def respond(self) -> Reply:
        """Let the request in, and call its handler."""
        enter_request(self._facts)
        try:
            try:
                self._let_in()
                self._response = self._view.answer(
                    self.route.verb, self.route.handler, self.request, self._parts
                )
            except Exception as error:  # noqa: BLE001 - the REST framework catches the same
                self._refuse(error)
            return self._finish()
        finally:
            leave_request()

    def prepare(self) -> None:
        """Let the request in, and read its body."""
        enter_request(self._facts)
        try:
            self._let_in()
            self.given = self._view.read_input(self.route.verb, self.request, self._parts)
        except Exception as error:  # noqa: BLE001 - the REST framework catches the same
            self._refuse(error)
        finally:
            leave_request()

    def respond_with_outcome(self) -> Reply:
        """Respond with what a handler returned, or with its error, unless it is refused."""
        enter_request(self._facts)
        try:
            if not self.is_refused:
                self._show()
            return self._finish()
        finally:
            leave_request()

    def _show(self) -> None:
        if isinstance(self.outcome, BaseException):
            self._refuse(self.outcome)
            return
        try:
            self._response = self._view.show(self.route.verb, self.outcome, self.request)
        except Exception as error:  # noqa: BLE001 - the REST framework catches the same
            self._refuse(error)

    def _finish(self) -> Reply:
        """The response as bytes, counted."""
        reply = make_reply(
            self.request,
            self.route,
            self._response,
            is_https=is_secure(self._scope, self._headers),
        )
        seconds = time.perf_counter() - self._began
        observe_request(self.request.method, self.route.path, reply.status, seconds)
        return reply

    def _let_in(self) -> None:
        request, view = self.request, self._view
        authenticator = view.get_authenticators()[0]
        request.user, request.auth = authenticator.authenticate(request)
        request.successful_authenticator = authenticator
        view.check_permissions(request)
        view.check_throttles(request)

    def _refuse(self, error: BaseException) -> None:
        """Turn an error into its response, as the REST framework's dispatch; Django logs what is
        unexpected."""
        try:
            self._response = self._view.handle_exception(error)
        except Exception as unexpected:  # noqa: BLE001 - Django's handler catches the same
            plain = ASGIRequest({**self._scope}, BytesIO())
            self._response = response_for_exception(plain, unexpected)


def handle_together(calls: Sequence[Call]) -> None:
    """Call the handler that takes several calls, of one route, and give each its outcome."""
    if not calls:
        return
    together = calls[0].route.verb.together
    if together is None:
        raise TypeError("This verb does not take several calls at once.")
    outcomes: Sequence[Any]
    try:
        outcomes = together([(call.request, call.given[0]) for call in calls])
    except Exception as error:  # noqa: BLE001 - the response to each of the calls
        outcomes = [error] * len(calls)
    for call, outcome in zip(calls, outcomes, strict=True):
        call.outcome = outcome
