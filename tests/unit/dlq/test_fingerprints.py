"""The same failure with other data has the same fingerprint; another failure has another."""

import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlq.fingerprints import fingerprint, normalise, top_own_frame

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "{root}/shop/orders.py", line {line}, in {function}\n'
    "    raise error\n"
    '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode\n'
    '  File "/srv/.venv/lib/python3.11/site-packages/httpx/_client.py", line 9, in send\n'
    "ValueError: no\n"
)


def make(message: str = "it broke", **changes: Any) -> str:
    values: dict[str, Any] = {
        "category": "CODE",
        "error_class": "ValueError",
        "message": message,
        "traceback": TRACEBACK.format(root="/srv/app", line=12, function="charge"),
        "task_type": "charge-order",
    }
    return fingerprint(**{**values, **changes})


@given(st.uuids(), st.uuids(), st.integers(), st.integers())
def test_other_ids_and_numbers_are_the_same_failure(a: UUID, b: UUID, m: int, n: int) -> None:
    text = "task {} of customer#{} is stuck: row {!r} ({:x})"
    one = text.format(a, m, str(a), a.int)
    two = text.format(b, n, str(b), b.int)
    assert make(one) == make(two)


@given(st.datetimes(), st.datetimes())
def test_other_times_are_the_same_failure(a: Any, b: Any) -> None:
    assert normalise(f"late since {a.isoformat()}Z!") == normalise(f"late since {b.isoformat()}Z!")


words = st.text(alphabet="abcdefghijklmnopqrstuvwxyz ./@:-0123456789", max_size=60)


@given(words, words)
def test_other_quoted_texts_are_the_same_failure(a: str, b: str) -> None:
    assert normalise(f"no such user '{a}' here") == normalise(f"no such user '{b}' here")
    assert normalise(f'KeyError: "{a}"') == normalise(f'KeyError: "{b}"')


@given(st.text(max_size=3_000))
def test_any_message_has_sixteen_digits_and_a_bounded_form(message: str) -> None:
    found = make(message)
    assert len(found) == 16
    assert int(found, 16) >= 0
    assert len(normalise(message)) <= 500


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("user ada@example.org is unknown", "user <email> is unknown"),
        (
            "GET https://api.example.org/v1/orders/17?x=1 failed",
            "GET https://api.example.org<url> failed",
        ),
        ("cannot read /var/lib/orders/17.json", "cannot read /var/<path>"),
        ("object at 0x7f3a took 12.5 s, -3 left", "object at # took # s, # left"),
        ("commit deadbeef01 and 123456789", "commit # and #"),
        ("two\n  lines", "two lines"),
        ("can't open it: isn't there", "can't open it: isn't there"),
    ],
)
def test_what_differs_is_replaced(message: str, expected: str) -> None:
    assert normalise(message) == expected


def test_a_deployment_that_shifts_lines_and_paths_keeps_the_group() -> None:
    before = TRACEBACK.format(root="/srv/app", line=12, function="charge")
    after = TRACEBACK.format(root="/srv/releases/v2", line=340, function="charge")
    assert make(traceback=before) == make(traceback=after)


def test_another_class_frame_message_or_category_is_another_failure() -> None:
    other_function = TRACEBACK.format(root="/srv/app", line=12, function="refund")
    found = {
        make(),
        make(error_class="KeyError"),
        make(traceback=other_function),
        make("it broke otherwise"),
        make(category="NETWORK"),
    }
    assert len(found) == 5


def test_the_place_is_the_last_own_frame() -> None:
    text = TRACEBACK.format(root="/srv/app", line=1, function="charge")
    assert top_own_frame(text) == "shop/orders.py:charge"
    assert top_own_frame("") == ""
    foreign = '  File "/usr/lib/python3.11/json/decoder.py", line 1, in raw_decode\n'
    assert top_own_frame(foreign) == ""


def test_without_a_frame_the_type_of_the_task_is_the_place() -> None:
    assert make(traceback="") != make(traceback="", task_type="another")
    assert make() == make(task_type="another")


def test_every_process_finds_the_same() -> None:
    code = (
        "from dlq.fingerprints import fingerprint as f; print(f(category='CODE', "
        "error_class='E', message='x 1', traceback='', task_type='t'), end='')"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert made == {
        fingerprint(category="CODE", error_class="E", message="x 7", traceback="", task_type="t")
    }


@pytest.mark.parametrize(
    "text", ["'" * 5_000, "a@" * 5_000, "/a" * 5_000, "0" * 50_000, "a://" * 5_000, "1-" * 9_000]
)
def test_hostile_messages_are_read_to_the_end(text: str) -> None:
    """A pattern that is not linear would take hours over one of these."""
    assert 0 < len(normalise(text)) <= 500


def test_the_engine_that_calls_a_handler_is_not_its_place() -> None:
    """Handlers of installed packages have no own frame; the type distinguishes them."""
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "/srv/taskplane/tasks_app/execution/sync_runner.py", line 88, in _call\n'
        '  File "/srv/.venv/lib/python3.11/site-packages/acme/jobs.py", line 9, in send\n'
        "KeyError: 'to'\n"
    )
    assert top_own_frame(traceback) == ""
    one, other = (make(traceback=traceback, task_type=name) for name in ("send-mail", "send-fax"))
    assert one != other
