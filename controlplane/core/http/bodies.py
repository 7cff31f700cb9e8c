"""How much of a request's body is accepted, from whom, and within which time."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import IO

from django.conf import settings
from django.utils.module_loading import import_string

from controlplane.core.http.problemdetails import Problem

# Accepted from every client: more than a log-in or a task needs.
UNVERIFIED_MAX_BYTES = 65_536
# Above this a body waits on disk for its end.
IN_MEMORY_BYTES = 1_048_576
# From the beginning of the request to the last byte of its body.
UNVERIFIED_SECONDS = 30.0
VERIFIED_SECONDS = 300.0
_CHECKS_AT_ONCE = 4

logger = logging.getLogger(__name__)

_executor = ThreadPoolExecutor(_CHECKS_AT_ONCE, thread_name_prefix="credentials")


def open_body() -> IO[bytes]:
    return SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)


async def check_credentials(authorization: str, cookie: str) -> Problem | None:
    """Check in another thread. Returns the refusal, if any."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_executor, _judge, authorization, cookie)


def _judge(authorization: str, cookie: str) -> Problem | None:
    # It needs Django's apps, which a server loads after this module.
    from controlplane.core.http.problems import problem_of

    try:
        is_valid = import_string(settings.CREDENTIAL_CHECK)(authorization, cookie)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            logger.exception("Credential check failed for a large request")
        return problem or Problem(500, "Internal error.")
    return None if is_valid else unauthorized()


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
