"""The page that a browser gets after a fault of the server: no address of the site fails."""

from typing import Any

from django.test import RequestFactory

from controlplane.core.http.errorpages import failure_page

_KEPT = ("content-type", "content-security-policy", "content-security-policy-report-only")


def answer_with_fault(route: Any) -> None:
    """Answer as the server would, with the headers of its page for an unknown address."""
    headers = route.fetch().headers
    page = failure_page(RequestFactory().get("/"))
    route.fulfill(
        status=page.status_code,
        headers={name: headers[name] for name in _KEPT if name in headers},
        body=page.content,
    )
