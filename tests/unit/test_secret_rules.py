"""What passes for a secret in production."""

import secrets
import string

import pytest

from controlplane.settings.env import BASE_DIR
from controlplane.settings.secretrules import find_weakness, is_default_password, login_of

MAKERS = {
    "token_urlsafe": lambda: secrets.token_urlsafe(50),
    "openssl rand -hex 32": lambda: secrets.token_hex(32),
    "uuids": lambda: f"{secrets.token_hex(16)}-{secrets.token_hex(16)}",
    "digits": lambda: "".join(secrets.choice(string.digits) for _ in range(50)),
    "letters": lambda: "".join(secrets.choice(string.ascii_lowercase) for _ in range(50)),
    "punctuation": lambda: "".join(secrets.choice(string.printable[:94]) for _ in range(50)),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_random_secrets_pass(maker: str) -> None:
    for _ in range(300):
        made = MAKERS[maker]()
        assert find_weakness(made, min_length=50) == "", made


def test_a_passphrase_passes() -> None:
    phrase = "correct horse battery staple violet umbrella ninety seagull"
    assert find_weakness(phrase, min_length=50) == ""


@pytest.mark.parametrize(
    "secret",
    [
        "", "short", "a" * 60, "ab" * 30, "0123456789" * 6, "0123456789abcdef" * 4,
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "password" * 8, " " * 60,
        "correct horse " * 5, "django-insecure-" + "k3Yv-Qw8ZtRb_1mXc7UhLpE2aJsN9dGfOiT4yV6u",
        "CHANGE_ME-k3Yv-Qw8ZtRb_1mXc7UhLpE2aJsN9dGfOiT4yV6u", "secret-key-secret-key-" * 3,
    ],
)  # fmt: skip
def test_what_can_be_guessed_does_not(secret: str) -> None:
    assert find_weakness(secret, min_length=50) != ""


def test_the_reason_does_not_show_the_secret() -> None:
    for secret in ("hunter2" * 9, "hunter2"):
        assert "hunter2" not in find_weakness(secret, min_length=50)


@pytest.mark.parametrize(
    ("password", "is_default"),
    [
        ("postgres", True), ("Change-Me", True), ("secret", True), ("PASSWORD", True),
        ("someone", True), ("work_db", True), ("aaaaaaaa", True), ("guest", True),
        ("", False), ("hunter2", False), ("s3cr3t-of-ours", False),
    ],
)  # fmt: skip
def test_passwords_that_are_tried_first(password: str, is_default: bool) -> None:
    assert is_default_password(password, "someone", "work_db") is is_default


def test_the_login_of_an_address() -> None:
    assert login_of("amqp://me:p%40ss@h//") == ("me", "p@ss")
    assert login_of("redis://h/0") == ("", "")


def test_the_examples_hold_no_value_that_passes() -> None:
    """A copy needs a real secret."""
    example = (BASE_DIR / ".env.example").read_text()
    addresses = [line.partition("=")[2] for line in example.splitlines() if "://" in line]
    passwords = {login_of(address)[1] for address in addresses}
    assert all(is_default_password(each) for each in passwords if each)
    kubernetes = (BASE_DIR / "deploy" / "kubernetes" / "secret.example.yaml").read_text()
    assert 'DJANGO_SECRET_KEY: ""' in kubernetes
