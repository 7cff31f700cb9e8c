"""Log-ins with a password: throttled, and without a database connection while the password is
hashed."""

import hashlib
import logging
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane.core import hashing
from controlplane.core.errors import DomainError
from controlplane.core.http.ratelimits import RateCounter, Rule
from controlplane.core.requests import current_client_ip

WINDOW_SECONDS = 900
# An address may belong to an office, and a user name may be attacked from many addresses.
_ADDRESS_FACTOR = 5
_USER_FACTOR = 10
_IPV6_NETWORK = 64  # what one customer gets

logger = logging.getLogger(__name__)


class LoginThrottled(DomainError):  # noqa: N818 - reads as the answer
    """Too many log-ins have failed."""

    status = 429
    title = "Too many failed log-ins"
    type = "urn:taskplane:problem:login-throttled"

    def __init__(self, seconds: int) -> None:
        self.retry_after_seconds = seconds  # type: ignore[misc] # of this refusal, not of the class
        minutes = -(-seconds // 60)
        super().__init__(
            f"Too many failed log-ins. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        )


@cache
def failures() -> RateCounter:
    """Failed log-ins that this process has counted."""
    return RateCounter(settings.CACHES["default"]["LOCATION"], window_seconds=WINDOW_SECONDS)


class ThrottledBackend(ModelBackend):
    """Counts failures per user name and address, per address, and per user name."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """The user with this password.

        Raises: LoginThrottled: too many have failed; the password is not checked. Unavailable: too
        many log-ins are waiting.
        """
        username = username or credentials.get(get_user_model().USERNAME_FIELD)
        if username is None or password is None:
            return None
        rules = _rules(username, current_client_ip() or "unknown")
        # The counts are looked at within the turn, so that a burst does not pass before its
        # first failure is counted.
        with hashing.queue.turn():
            _check(rules, username)
            user = super().authenticate(request, username, password, **credentials)
            if user is None and rules:
                failures().add(rules)
        return user


def _check(rules: list[Rule], username: str) -> None:
    if not rules:
        return
    verdict = failures().look(rules)
    if not verdict.is_allowed:
        logger.warning(
            "Log-in refused: too many failures. user=%.100r address=%s",
            username,
            current_client_ip(),
        )
        raise LoginThrottled(verdict.reset_seconds)


def _rules(username: str, address: str) -> list[Rule]:
    limit: int = settings.TASKPLANE["LOGIN_FAILURE_LIMIT"]
    if not limit:
        return []
    user = hashlib.sha256(username.casefold().encode(errors="replace")).hexdigest()[:32]
    network = _network(address)
    return [
        Rule(f"login:{user}:{network}", limit),
        Rule(f"login-address:{network}", limit * _ADDRESS_FACTOR),
        Rule(f"login-user:{user}", limit * _USER_FACTOR),
    ]


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ip_network((parsed, _IPV6_NETWORK), strict=False))


class LoginForm(AdminAuthenticationForm):
    """Shows a refusal as an error of the form."""

    def clean(self) -> dict[str, Any]:
        """Log in; `request.login_refusal` is set if no attempt was made."""
        try:
            return super().clean()
        except DomainError as refusal:
            request: Any = self.request
            request.login_refusal = refusal
            raise ValidationError(refusal.detail, code="refused") from refusal


def login(request: HttpRequest) -> HttpResponseBase:
    """The admin's page; with the status of a refusal, which Django's view answers with 200."""
    response: HttpResponseBase = admin.site.login(request)
    refusal: DomainError | None = getattr(request, "login_refusal", None)
    if refusal is not None:
        response.status_code = refusal.status
        response.headers["Retry-After"] = str(refusal.retry_after_seconds or 1)
    return response
