"""Reading the environment: each error is one sentence."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from controlplane.settings.env import BASE_DIR, Env, load, read_secret_files
from controlplane.settings.parts.database import add_password, databases, parse_database_url
from scaling.schema import SETTINGS


def test_an_empty_value_counts_as_not_set() -> None:
    env = Env({"PORT": " ", "NAME": "", "FLAG": None})
    assert env.integer("PORT", 3002, minimum=1, maximum=65535) == 3002
    assert env.text("NAME", "default") == "default"
    assert env.flag("FLAG", True) is True
    assert env.words("LIST", ["*"]) == ["*"]


def test_right_values_are_read() -> None:
    env = Env({"N": "-5", "D": "0.25", "YES": "On", "NO": "0", "LIST": " a, b ,,c ", "W": "b"})
    assert env.integer("N", 1, minimum=-10, maximum=10) == -5
    assert env.decimal("D", 1, minimum=0, maximum=1) == 0.25
    assert env.flag("YES", False) is True
    assert env.flag("NO", True) is False
    assert env.words("LIST") == ["a", "b", "c"]
    assert env.choice("W", "a", allowed=("a", "b")) == "b"


@pytest.mark.parametrize("value", ["abc", "1.5", "0", "65536", "1_000", "--5", "٣", "1e3", "-"])
def test_a_wrong_whole_number_names_variable_value_and_bounds(value: str) -> None:
    env = Env({"APP_SERVICE_PORT": value})
    with pytest.raises(ImproperlyConfigured) as caught:
        env.integer("APP_SERVICE_PORT", 3002, minimum=1, maximum=65535)
    assert str(caught.value) == (
        f"APP_SERVICE_PORT is {value!r}: it must be a whole number from 1 to 65535."
    )


@pytest.mark.parametrize("value", ["x", "nan", "inf", "-1", "2"])
def test_a_wrong_number_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="D is .* a number from 0 to 1"):
        Env({"D": value}).decimal("D", 0.5, minimum=0, maximum=1)


def test_wrong_words_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="must be true or false"):
        Env({"F": "maybe"}).flag("F", True)
    with pytest.raises(ImproperlyConfigured, match="one of dev, production"):
        Env({"E": "prod"}).choice("E", "dev", allowed=("dev", "production"))


@pytest.mark.parametrize(
    ("value", "expected"), [("", 7), ("0", 0), ("100", 100), ("true", 0), ("False", None)]
)
def test_a_limit_is_a_number_or_everything_or_nothing(value: str, expected: int | None) -> None:
    assert Env({"L": value}).limit("L", 7) == expected


def test_a_wrong_limit_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="whole number from 0 to 999999999"):
        Env({"L": "many"}).limit("L", 7)


def test_a_wrong_address_never_shows_its_password() -> None:
    env = Env({"DATABASE_URL": "mysql://user:hunter2@db/name"})
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as caught:
        env.url("DATABASE_URL", schemes=("postgres", "postgresql"))
    assert "hunter2" not in str(caught.value)
    assert "postgres://" in str(caught.value)


@pytest.mark.parametrize("value", ["postgres://u:secret@h", "postgres://u:secret@h:x y/n?a=b"])
def test_an_address_that_names_no_database_is_refused_without_its_password(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="TEST_DATABASE_URL") as caught:
        parse_database_url(value, "TEST_DATABASE_URL")
    assert "secret" not in str(caught.value)


def test_a_database_address_is_taken_apart() -> None:
    found = parse_database_url("postgresql://me:p%40ss@db.example:6543/work?sslmode=require")
    assert found["NAME"] == "work"
    assert found["USER"] == "me"
    assert found["PASSWORD"] == "p@ss"
    assert (found["HOST"], found["PORT"]) == ("db.example", "6543")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "env"
    file.write_text("A_NAME=file\nB_NAME=file\nC_NAME=file\n")
    monkeypatch.setenv("TASKPLANE_DOTENV", str(file))
    monkeypatch.setenv("A_NAME", "environment")
    monkeypatch.setenv("C_NAME", "")
    env = load()
    assert env.text("A_NAME") == "environment"
    assert env.text("B_NAME") == "file"
    assert env.text("C_NAME") == "file"


def test_every_variable_is_in_the_example() -> None:
    read = {setting.env for setting in SETTINGS.values()}
    for path in (BASE_DIR / "controlplane" / "settings").rglob("*.py"):
        read |= set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', path.read_text()))
    shown = set(re.findall(r"^#?([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE))
    assert len(read) > 30
    assert read - shown == set()
    # What the example names besides is read elsewhere: by the tests, and before the settings.
    assert shown - read == {"TEST_DATABASE_URL", "TASKPLANE_HOME"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"HEARTBEAT_INTERVAL": "60000", "TASKPLANE_LEASE_SECONDS": "30"},
            "the lease must be at least twice the heartbeat",
        ),
        ({"WORKER_NODE_ID": "n" * 101}, "WORKER_NODE_ID has 101 characters"),
        ({"TASKPLANE_PATH_PREFIX": "taskplane/"}, "it must begin with a slash, end without one"),
        ({"TASKPLANE_ENVIRONMENT_NAME": "n" * 25}, "TASKPLANE_ENVIRONMENT_NAME has 25 characters"),
        ({"TASKPLANE_RELEASE": "two words"}, "TASKPLANE_RELEASE is 'two words'"),
        ({"TASKPLANE_RELEASE": "b" * 81}, "it must be 1 to 80 letters"),
    ],
)
def test_values_that_do_not_fit_together_stop_the_start(
    values: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert sentence in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_database_that_vanishes_is_noticed_within_a_minute() -> None:
    """On every alias: by the system's values a worker, an agent and a dispatcher hang for hours."""
    for database in databases().values():
        options = database["OPTIONS"]
        probes = options["keepalives_interval"] * options["keepalives_count"]
        assert options["keepalives_idle"] + probes < 60
        assert options["tcp_user_timeout"] < 60_000
        assert options["connect_timeout"] < 60


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" from a file\n")
    values = {"REDIS_PASSWORD_FILE": str(file), "REDIS_PASSWORD": " ", "FILE_ROOTS": "/srv"}
    assert read_secret_files(values) == {"REDIS_PASSWORD": "from a file"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff", "cannot be read: it is not UTF-8 text"),
        (b" \n", "must contain the secret"),
        (b"x" * 65_537, "at most 65536 bytes"),
    ],
)
def test_a_file_without_a_secret_prevents_the_start(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=f"METRICS_TOKEN_FILE names .*{reason}"):
        read_secret_files({"METRICS_TOKEN_FILE": str(file)})


def test_a_secret_is_set_in_one_way() -> None:
    values = {"DJANGO_SECRET_KEY": "hunter2", "DJANGO_SECRET_KEY_FILE": "/run/secrets/key"}
    with pytest.raises(ImproperlyConfigured) as caught:
        read_secret_files(values)
    assert str(caught.value) == (
        "DJANGO_SECRET_KEY and DJANGO_SECRET_KEY_FILE are both set: set only one."
    )


def test_the_password_of_the_database_may_be_apart() -> None:
    database = parse_database_url("postgres://user@host/name")
    assert add_password(database, "hunter2") == {**database, "PASSWORD": "hunter2"}
    assert add_password(database, "") == database
    with pytest.raises(ImproperlyConfigured, match="set only one") as caught:
        add_password(parse_database_url("postgres://user:one@host/name"), "hunter2")
    assert "hunter2" not in str(caught.value)
