"""The log-in page of the admin, which says why a log-in is refused."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane.core.errors import DomainError


class LoginForm(AdminAuthenticationForm):
    """Shows a refusal as an error of the form."""

    def clean(self) -> dict[str, Any]:
        """Log in; `request.login_refusal` is set when that was not tried."""
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
