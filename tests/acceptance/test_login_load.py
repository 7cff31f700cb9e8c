"""Many log-ins at once, with passwords hashed as in production."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User

from tests.clients import key_client
from tests.engine import Engine

LOGINS = 30  # the pool has 20 connections
PASSWORD = "a good secret"


def log_in(url: str, username: str) -> int:
    with httpx.Client(base_url=url, timeout=60) as client:
        client.get("/admin/login/")
        form = {
            "username": username,
            "password": PASSWORD,
            "next": "/health/live",
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        return client.post("/admin/login/", data=form).status_code


@pytest.mark.nightly
def test_parallel_logins_leave_connections_to_others(engine: Engine) -> None:
    user = User.objects.create_superuser("many-at-once", "", None)
    user.password = PBKDF2PasswordHasher().encode(PASSWORD, "x" * 22)
    user.save()
    key = key_client("operator").defaults["HTTP_AUTHORIZATION"]
    url = engine.app(DJANGO_SETTINGS_MODULE="tests.hashing_settings")
    statuses = []
    with ThreadPoolExecutor(LOGINS) as threads:
        logins = [threads.submit(log_in, url, user.username) for _ in range(LOGINS)]
        while not all(login.done() for login in logins):
            answer = httpx.post(
                f"{url}/tasks",
                json={"type": "noop", "payload": {}},
                headers={"Authorization": key},
                timeout=60,
            )
            statuses.append(answer.status_code)
    assert set(statuses) == {201}
    # Each got its turn; the page then leads to `next`.
    assert {login.result() for login in logins} == {302}
