"""Requests for host names that this server does not serve."""

import logging

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane.core.http.middleware import PlainMiddleware
from controlplane.core.http.problemdetails import Problem
from controlplane.core.http.problems import plain_response

logger = logging.getLogger(__name__)


class KnownHostMiddleware(PlainMiddleware):
    """400 and one log line. Anybody can send any Host header, so it is no fault of the server."""

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        """Refuse the request, or let it pass."""
        try:
            request.get_host()
        except DisallowedHost:
            logger.warning("Request refused: unknown host. host=%.200r", request.META["HTTP_HOST"])
            return plain_response(
                Problem(400, "The Host header names a host that this server does not serve.")
            )
        return None
