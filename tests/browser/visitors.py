"""People with a browser: a context for each person, theme and width, already logged in."""

import time
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from tests.browser.chromium import Guard

HEIGHTS = {390: 844, 1440: 900}
TIMEOUT_MS = 15_000
# The broadcaster looks at what is watched four times in it.
_QUIET_SECONDS = 1.0
_PATIENCE_SECONDS = 15.0
_WATCHED = "taskplane:live:watched"
_BUSY = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


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
        """Leave, and wait until the app reads nothing for these pages any more: rows are removed
        next, and a read that goes on could wait for that, and that for the read."""
        for context in self._contexts.values():
            context.close()
        if self._contexts:
            _wait_for_quiet()
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


def _wait_for_quiet() -> None:
    """What is watched is forgotten at once, instead of after some seconds."""
    began = quiet_since = time.monotonic()
    with redis.Redis.from_url(settings.CHANNELS_REDIS_URL) as client, connection.cursor() as cursor:
        while (at := time.monotonic()) - quiet_since < _QUIET_SECONDS:
            assert at - began < _PATIENCE_SECONDS, "the app does not stop to read"
            client.delete(_WATCHED)
            cursor.execute(_BUSY)
            if cursor.fetchone()[0]:
                quiet_since = time.monotonic()
            time.sleep(0.05)
