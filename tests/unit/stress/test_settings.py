"""Production wants a confirmation; development does not."""

import os
import secrets
import subprocess
import sys

import pytest

PRODUCTION = {
    "TASKPLANE_ENV": "production",
    "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
    "DATABASE_URL": "postgres://taskplane@127.0.0.1:1/taskplane",
    "REDIS_HOST": "127.0.0.1",
    "ALLOWED_HOSTS": "tasks.example.com",
    "DEBUG": "false",
}


@pytest.mark.parametrize(("env", "expected"), [(PRODUCTION, "True"), ({}, "False")])
def test_the_environment_decides(env: dict[str, str], expected: str) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "from controlplane import settings; print(settings.TASKPLANE_STRESS['MUST_CONFIRM'])",
        ],
        env={**{k: v for k, v in os.environ.items() if k != "TASKPLANE_ENV"}, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.strip() == expected
