"""Chromium, and a guard over each of its pages."""

import os
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

INSTALL = (
    "No Chromium was found: install one (Debian: `apt-get install chromium`), "
    "or name its file in CHROMIUM."
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A page that a test's own proxy answered has no known address: without this, its socket to the
    # same host would be an access to the local network, which asks the person.
    "--disable-features=LocalNetworkAccessChecks",
)
# Django's own scripts write markup: trusted types are reported, not enforced.
_VENDOR = "/static/admin/js/"
_REPORT_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) => {
    console.error('Violation of ' + event.violatedDirective + ' (' + event.disposition + ') by '
        + event.sourceFile + ': ' + event.blockedURI + ' ' + event.sample);
});
"""


def find_chromium() -> str | None:
    """The file of a browser; None if there is none."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ([named] if named else _NAMES))
    return next((path for path in found if path), None)


def run_chromium() -> Iterator[Any]:
    """One browser, until the caller goes on. Skips the test without one."""
    path = find_chromium()
    if path is None:
        pytest.skip(INSTALL)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


class Guard:
    """Collects what must not happen on a page: errors in the console, violations of the content
    security policy, requests to other hosts. `allowed` are texts of messages that a test provokes.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.allowed: list[str] = []

    def watch(self, context: Any) -> None:
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("request", self._see_request)
        context.on("console", self._see_message)
        context.on("weberror", lambda error: self.faults.append(f"Error: {error.error}"))

    def check(self) -> None:
        faults, self.faults = self._serious(), []
        assert not faults, "\n".join(faults)

    def _serious(self) -> list[str]:
        return [fault for fault in self.faults if not any(text in fault for text in self.allowed)]

    def _see_request(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname != "127.0.0.1":
            self.faults.append(f"Request to another host: {request.url}")

    def _see_message(self, message: Any) -> None:
        is_vendors = "(report)" in message.text and _VENDOR in message.text
        if message.type == "error" and not is_vendors:
            self.faults.append(f"{message.text} ({message.location.get('url', '')})")
