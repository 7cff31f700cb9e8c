"""Logging in with a password."""

import threading
import time
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.test import Client, RequestFactory

from controlplane.core.hashing import HashingQueue
from controlplane.core.ids import uuid7
from controlplane.core.requests import RequestFacts, enter_request, leave_request
from controlplane.workspaces import logins
from controlplane.workspaces.logins import LoginThrottled

pytestmark = pytest.mark.django_db

PASSWORD = "a good secret"


@pytest.fixture(autouse=True)
def outside_of_requests() -> Any:
    yield
    leave_request()


@pytest.fixture
def name() -> str:
    """A user whose name no other test uses: failures are kept in Redis."""
    name = f"user-{uuid7()}"
    get_user_model().objects.create_superuser(name, "", PASSWORD)
    return name


def log_in(name: str, password: str, address: str = "") -> bool:
    enter_request(RequestFacts(client_ip=address or f"10.{uuid7().int % 250}.0.1"))
    request = RequestFactory().post("/admin/login/")
    return authenticate(request, username=name, password=password) is not None


def page(name: str, password: str, address: str) -> Any:
    form = {"username": name, "password": password, "next": "/health/live"}
    return Client(REMOTE_ADDR=address).post("/admin/login/", form)


def test_the_page_logs_in_and_counts_no_success(name: str) -> None:
    for _ in range(15):
        assert page(name, PASSWORD, "10.1.0.1").status_code == 302


def test_too_many_failures_are_refused_with_the_reason(name: str) -> None:
    address = "2001:db8:1::1"
    for _ in range(10):
        answer = page(name, "wrong", address)
        assert answer.status_code == 200
        assert b"Please enter the correct" in answer.content
    for password in ("wrong", PASSWORD):
        answer = page(name, password, address)
        assert answer.status_code == 429
        assert b"Too many failed log-ins. Try again in" in answer.content
        assert 0 < int(answer["Retry-After"]) <= 900
    assert page(name.upper(), PASSWORD, address).status_code == 429
    # A network of IPv6 counts as one address; others are let in.
    assert page(name, PASSWORD, "2001:db8:1::ffff").status_code == 429
    assert page(name, PASSWORD, "10.3.0.1").status_code == 302


def test_an_address_that_tries_many_names_is_refused(name: str) -> None:
    address = "10.4.0.1"
    for number in range(50):
        assert not log_in(f"{number}-{uuid7()}", "wrong", address)
    with pytest.raises(LoginThrottled):
        log_in(name, PASSWORD, address)
    assert log_in(name, PASSWORD, "10.4.0.2")


def test_a_name_that_is_tried_from_many_addresses_is_refused(name: str) -> None:
    for number in range(100):
        assert not log_in(name, "wrong", f"10.5.{number}.1")
    with pytest.raises(LoginThrottled, match="Try again in"):
        log_in(name, PASSWORD, "10.6.0.1")


def test_no_limit(name: str, settings: Any) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "LOGIN_FAILURE_LIMIT": 0}
    for _ in range(12):
        assert not log_in(name, "wrong", "10.7.0.1")
    assert log_in(name, PASSWORD, "10.7.0.1")


def test_other_processes_learn_of_failures(name: str) -> None:
    for _ in range(10):
        assert not log_in(name, "wrong", "10.8.0.1")
    rules = logins._rules(name, "10.8.0.1")
    other = logins.RateCounter(
        logins.failures()._url, window_seconds=logins.WINDOW_SECONDS, exchange_seconds=0.01
    )
    give_up = time.monotonic() + 20
    while other.look(rules).is_allowed:
        assert time.monotonic() < give_up
        other.add(rules)
        time.sleep(0.2)
    # Its own failures alone would not have reached the limit so soon.
    assert other._counts[rules[0].subject].known >= 10


def test_turns_are_taken_one_at_a_time() -> None:
    queue = HashingQueue(1)
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        with queue.turn():
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (most, inside) == (1, 0)


def test_a_turn_within_a_turn_does_not_wait_for_itself() -> None:
    queue = HashingQueue(1, wait_seconds=0.1)
    with queue.turn(), queue.turn():
        pass
    with queue.turn():
        pass


@pytest.mark.parametrize("limits", [{"wait_seconds": 0.05}, {"max_waiting": 0}])
def test_who_would_wait_too_long_is_refused(limits: dict[str, Any]) -> None:
    queue = HashingQueue(1, **limits)
    refused: list[Exception] = []

    def wait() -> None:
        try:
            with queue.turn():
                pass
        except Exception as error:  # noqa: BLE001 - looked at below
            refused.append(error)

    with queue.turn():
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(10)
    assert [getattr(error, "status", None) for error in refused] == [503]
    assert "Too many log-ins are under way" in str(refused[0])


def test_a_page_of_a_busy_server_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.core.hashing.queue", HashingQueue(1, max_waiting=-1))
    answer = page(name, PASSWORD, "10.9.0.1")
    assert answer.status_code == 503
    assert b"Too many log-ins are under way" in answer.content
    assert answer["Retry-After"] == "2"


def test_the_configured_hasher_is_djangos_in_turns(settings: Any) -> None:
    from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password

    from controlplane.settings import base

    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    assert check_password("x", PBKDF2PasswordHasher().encode("x", "salt" * 6, 10))
    assert make_password("x").startswith("pbkdf2_sha256$")
