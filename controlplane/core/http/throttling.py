"""Rate limits of the API, per key (or user) and per workspace."""

from functools import cache
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from controlplane.core.http.ratelimits import RateCounter, Rule

# Requests per minute; 0 means no limit. More than one process of the app answers in a minute, so
# that only a client gone wild meets them.
DEFAULT_PER_KEY = 60_000
DEFAULT_PER_WORKSPACE = 120_000


@cache
def counter() -> RateCounter:
    """The one of this process."""
    return RateCounter(settings.CACHES["default"]["LOCATION"])


class RateThrottle(BaseThrottle):
    """429 beyond the limits; `RateLimit-*` on every response, which RequestIdMiddleware writes."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request of whoever it belongs to."""
        rules = _rules(request)
        if not rules:
            return True
        verdict = counter().hit(rules)
        request._request.rate_limit_headers = {  # type: ignore[attr-defined] # our own attribute
            "RateLimit-Limit": str(verdict.limit),
            "RateLimit-Remaining": str(verdict.remaining),
            "RateLimit-Reset": str(verdict.reset_seconds),
        }
        self._wait = verdict.reset_seconds
        return verdict.is_allowed

    def wait(self) -> float | None:
        """Seconds until the window ends."""
        return self._wait


def _rules(request: Request) -> list[Rule]:
    actor = getattr(request, "actor", None)
    workspace = getattr(request, "workspace", None)
    found = []
    if actor is not None:
        per_key = settings.TASKPLANE.get("RATE_LIMIT_PER_KEY", DEFAULT_PER_KEY)
        found.append(Rule(f"{actor.kind}:{actor.id}", per_key))
    if workspace is not None:
        per_workspace = settings.TASKPLANE.get("RATE_LIMIT_PER_WORKSPACE", DEFAULT_PER_WORKSPACE)
        found.append(Rule(f"workspace:{workspace.pk}", per_workspace))
    return [rule for rule in found if rule.limit]
