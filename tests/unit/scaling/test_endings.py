"""How the end of a worker's process is described."""

import pytest

from scaling.fleet.base import describe_end, find_error_line


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-9, "It was killed by signal 9 (SIGKILL)."),
        (137, "It was killed by signal 9 (SIGKILL), exit code 137."),
        (143, "It was killed by signal 15 (SIGTERM), exit code 143."),
        (-63, "It was killed by signal 63."),
        (255, "It ended with exit code 255."),
        (0, "It ended with exit code 0."),
        (None, "It ended, its exit code is unknown."),
    ],
)
def test_exit_codes_and_signals_in_words(code: int | None, text: str) -> None:
    assert describe_end(code) == text


def test_what_else_is_known_follows() -> None:
    assert describe_end(1, seconds=1.23, note="OOMKilled", error_line="ValueError: x") == (
        "It ended with exit code 1 (OOMKilled); it had run for 1.2 s. "
        "Last error in its log: ValueError: x"
    )
    assert describe_end(-9, seconds=600) == (
        "It was killed by signal 9 (SIGKILL); it had run for 10 min."
    )


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], ""),
        (["all is well", "  _warn_or_raise_security_error(egid, euid, gid, uid,"], ""),
        (["2026 ERROR 7 - a.b: no", "then this"], "2026 ERROR 7 - a.b: no"),
        (["Traceback (most recent call last):", "django.db.utils.OperationalError: away", ""],
         "django.db.utils.OperationalError: away"),
        (["CommandError: Unknown option"], "CommandError: Unknown option"),
        (["FATAL:  could not write", "PANIC:  no space"], "PANIC: no space"),
        (["an ErrorHandler was set"], ""),
    ],
)  # fmt: skip
def test_only_a_line_that_reports_an_error_is_quoted(lines: list[str], found: str) -> None:
    assert find_error_line(lines) == found


def test_a_long_line_is_cut() -> None:
    assert len(find_error_line(["ERROR " + "x" * 10_000])) == 300
