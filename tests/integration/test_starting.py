"""Starting a process with a wrong environment: one sentence, and an exit code that says so."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.embedded import home

KEY = "k3Yv-Qw8ZtRb_1mXc7UhLpE2aJsN9dGfOiT4yV6uWqB0rSxMnAz"
PRODUCTION = {
    "TASKPLANE_ENV": "production",
    "DJANGO_SECRET_KEY": KEY,
    "ALLOWED_HOSTS": "tasks.example",
    "DATABASE_URL": "postgres://someone:hunter2@127.0.0.1:1/name",
    "REDIS_HOST": "127.0.0.1",
}


# Loads what no setting decides, once; then each line of its input is an environment, in which a
# child runs `manage.py check`.
CHECKS = """
import json, os, sys, tempfile

import celery, django.core.management, kombu, psycopg, pydantic

from controlplane.cli import main

for line in sys.stdin:
    with tempfile.TemporaryFile("w+") as errors:
        if os.fork() == 0:
            os.dup2(errors.fileno(), 2)
            os.environ.update(json.loads(line))
            code = main(["manage.py", "check"])
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.wait()[1])
        errors.seek(0)
        print(json.dumps([code, errors.read()]), flush=True)
"""


class Checks:
    """Runs `manage.py check` in many environments, each with nothing of this test run in it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, **variables: str) -> tuple[int, str]:
        """Exit code, and what was printed to standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(variables) + "\n")
        self._process.stdin.flush()
        code, errors = json.loads(self._process.stdout.readline())
        return code, errors


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checks]:
    with subprocess.Popen(
        [sys.executable, "-c", CHECKS],
        cwd=home.PROJECT,
        env=clean_environment(tmp_path_factory.mktemp("home")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Checks(process)


def clean_environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "TASKPLANE_HOME": str(folder),
        "TASKPLANE_DOTENV": os.devnull,
    }


def manage(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py in an environment with nothing of this test run in it."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=home.PROJECT,
        env={**clean_environment(tmp_path), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("APP_SERVICE_PORT", "70000", "a whole number from 1 to 65535"),
        ("WORKER_CONCURRENCY", "many", "a whole number from 1 to 1024"),
        ("HEARTBEAT_INTERVAL", "10s", "a whole number from 100 to 600000"),
        ("QUEUE_REMOVE_ON_COMPLETE", "-1", "a whole number from 0 to 999999999, true or false"),
        ("TASKPLANE_ENV", "prod", "one of dev, production"),
    ],
)
def test_a_wrong_value_is_one_sentence(
    checks: Checks, variable: str, value: str, allowed: str
) -> None:
    code, errors = checks.run(**{variable: value})
    assert code == 2
    assert errors == f"taskplane: {variable} is {value!r}: it must be {allowed}.\n"


def test_a_wrong_address_is_one_sentence_without_its_password(checks: Checks) -> None:
    code, errors = checks.run(DATABASE_URL="mysql://someone:hunter2@db/name")
    assert code == 2
    assert errors.startswith("taskplane: DATABASE_URL begins with 'mysql://'")
    assert errors.count("\n") == 1
    assert "hunter2" not in errors


def test_the_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("APP_SERVICE_PORT=0\n")
    result = manage(tmp_path, "check", TASKPLANE_DOTENV=str(file))
    assert "APP_SERVICE_PORT is '0'" in result.stderr


@pytest.mark.parametrize("command", [["migrate"], ["worker"], ["dispatch"]])
def test_a_command_without_its_servers_says_what_to_do(tmp_path: Path, command: list[str]) -> None:
    result = manage(tmp_path, *command)
    assert result.returncode == 2
    assert result.stderr == (
        "taskplane: Postgres and Valkey of this project are not running: "
        "run ./scripts/up first, or set DATABASE_URL and REDIS_HOST.\n"
    )


def test_production_starts_when_everything_is_set(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"DJANGO_SECRET_KEY": ""}, "DJANGO_SECRET_KEY is missing or too short"),
        ({"DJANGO_SECRET_KEY": "short"}, "DJANGO_SECRET_KEY is missing or too short"),
        ({"DJANGO_SECRET_KEY": "a" * 60}, "DJANGO_SECRET_KEY can be guessed"),
        ({"DJANGO_SECRET_KEY": "0123456789" * 6}, "DJANGO_SECRET_KEY can be guessed"),
        ({"DJANGO_SECRET_KEY": f"change-me-{KEY}"}, "DJANGO_SECRET_KEY is a placeholder"),
        ({"METRICS_TOKEN": "a" * 40}, "METRICS_TOKEN can be guessed"),
        (
            {"DATABASE_URL": "postgres://taskplane:secret@h/n"},
            "DATABASE_URL has a well-known password",
        ),
        ({"DATABASE_URL": "postgres://who:who@h/n"}, "DATABASE_URL has a well-known"),
        ({"REDIS_PASSWORD": "changeme"}, "REDIS_PASSWORD has a well-known"),
        (
            {"CELERY_BROKER_URL": "amqp://guest:guest@h//"},
            "CELERY_BROKER_URL has a well-known password",
        ),
        ({"DEBUG": "true"}, "DEBUG is true"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is missing"),
        ({"REDIS_HOST": ""}, "REDIS_HOST is missing"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is missing"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS is missing or allows every name"),
    ],
)
def test_production_refuses_what_would_be_open(
    checks: Checks, change: dict[str, str], sentence: str
) -> None:
    code, errors = checks.run(**{**PRODUCTION, **change})
    assert code == 2
    assert errors.startswith(f"taskplane: {sentence}")
    assert errors.count("\n") == 1


def test_the_secret_key_of_local_use_is_made_once(tmp_path: Path) -> None:
    show = [
        "shell",
        "-v",
        "0",
        "-c",
        "from django.conf import settings; print(settings.SECRET_KEY)",
    ]
    first, second = manage(tmp_path, *show), manage(tmp_path, *show)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.strip()) >= 50
    assert first.stdout == second.stdout
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_credentials_survive_the_shell_and_stay_private(tmp_path: Path) -> None:
    kept = home.Credentials("http://127.0.0.1:3002", "tp_k'e$y", "admin", 'pa"ss w`rd')
    path = home.write_credentials(tmp_path, kept)
    assert path.stat().st_mode & 0o777 == 0o600
    assert home.read_credentials(tmp_path) == kept
    sourced = subprocess.run(
        ["bash", "-c", f'. "{path}"; printf %s "$TASKPLANE_API_KEY|$TASKPLANE_ADMIN_PASSWORD"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sourced.stdout == f"{kept.api_key}|{kept.admin_password}"
    path.write_text("TASKPLANE_URL=http://127.0.0.1:3002\n")
    assert home.read_credentials(tmp_path) is None
