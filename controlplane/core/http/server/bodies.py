"""How much of a request's body is accepted, and from whom."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import IO

from controlplane.core.http.problemdetails import Problem
from controlplane.core.http.problems import problem_of

# Accepted from every client: more than a log-in or a task needs.
UNVERIFIED_MAX_BYTES = 65_536
# Above this a body waits on disk for its end.
IN_MEMORY_BYTES = 1_048_576
# From the first byte of the request to the last of its body.
UNVERIFIED_SECONDS = 30.0
VERIFIED_SECONDS = 300.0
_CHECKS_AT_ONCE = 4

# Takes the headers Authorization and Cookie.
CredentialCheck = Callable[[str, str], bool]

logger = logging.getLogger(__name__)

_executor = ThreadPoolExecutor(_CHECKS_AT_ONCE, thread_name_prefix="credentials")


def open_body() -> IO[bytes]:
    return SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)


def check_credentials(
    check: CredentialCheck, authorization: str, cookie: str, done: Callable[[Problem | None], None]
) -> None:
    """Check in another thread, then call `done` in this one with the error, if any."""

    def judge() -> Problem | None:
        try:
            is_valid = check(authorization, cookie)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                logger.exception("Credential check failed for a large request")
            return problem or Problem(500, "Internal error.")
        return None if is_valid else unauthorized()

    loop = asyncio.get_running_loop()
    loop.run_in_executor(_executor, judge).add_done_callback(lambda future: done(future.result()))


def unauthorized() -> Problem:
    """401 for a body that only an authenticated client may send."""
    return Problem(
        401,
        f"A body of more than {UNVERIFIED_MAX_BYTES} bytes needs a valid API key or session: send "
        "`Authorization: Bearer <key>`, or log in.",
        headers={"WWW-Authenticate": 'Bearer realm="taskplane"'},
    )


def too_slow(seconds: float) -> Problem:
    return Problem(408, f"The request has not arrived within {seconds:g} seconds.")
