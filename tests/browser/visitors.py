"""People with a browser: a context for each person, theme and width, already logged in."""

from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from tests.browser.chromium import Guard

HEIGHTS = {390: 844, 1440: 900}
TIMEOUT_MS = 15_000


class Visitors:
    """Opens pages of the server as a person."""

    def __init__(self, browser: Any, server: str) -> None:
        self.server = server
        self.guard = Guard()
        self._browser = browser
        self._cookies: dict[Any, dict[str, str]] = {}
        self._contexts: dict[tuple[Any, str, int], Any] = {}

    def log_in(self, user: Any) -> dict[str, str]:
        """The cookie of the person's session. It is made where the caller's rows are committed."""
        if user.pk not in self._cookies:
            self._cookies[user.pk] = self._session_cookie(user)
        return self._cookies[user.pk]

    def page(self, user: Any, theme: str = "light", width: int = 1440) -> Any:
        """A new tab. The person's other tabs of this theme and width share its cookies."""
        page = self._context(user, theme, width).new_page()
        page.set_default_timeout(TIMEOUT_MS)
        return page

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()
        self._contexts.clear()

    def _context(self, user: Any, theme: str, width: int) -> Any:
        key = (user and user.pk, theme, width)
        if key not in self._contexts:
            context = self._browser.new_context(
                base_url=self.server,
                viewport={"width": width, "height": HEIGHTS.get(width, 900)},
                color_scheme=theme,
                reduced_motion="reduce",
            )
            # A new tab is at about:blank, which has no storage.
            context.add_init_script(
                f"if (location.protocol === 'http:') localStorage.setItem('theme', '{theme}');"
            )
            if user is not None:
                context.add_cookies([self.log_in(user)])
            self.guard.watch(context)
            self._contexts[key] = context
        return self._contexts[key]

    def _session_cookie(self, user: Any) -> dict[str, str]:
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        key = session.session_key or ""
        return {"name": settings.SESSION_COOKIE_NAME, "value": key, "url": self.server}
