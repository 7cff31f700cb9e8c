"""The messages when the embedded servers cannot write."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import OperationalError

from controlplane.core.http.problems import problem_of
from controlplane.embedded import storage

MB = 1 << 20


def have(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """A file system of 100 MB with 50 MB and 1,000 inodes free, but for the changes."""
    values = {
        "f_frsize": MB, "f_blocks": 100, "f_bavail": 50, "f_files": 5_000, "f_favail": 1_000,
        "f_flag": 0,
    }  # fmt: skip
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**{**values, **changes}))


def test_a_sound_folder_has_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.find_problem(tmp_path) == ""
    have(monkeypatch)
    assert storage.find_problem(tmp_path / "not" / "there") == ""
    have(monkeypatch, f_files=0, f_favail=0)  # as file systems without a table of inodes say
    assert storage.find_problem(tmp_path) == ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"f_bavail": 3},
            (
                "No space left on device: {} has 3.0 MB free of 100 MB. "
                "Free at least 16 MB there; the server then continues."
            ),
        ),
        (
            {"f_favail": 2},
            (
                "No inodes left on the file system of {}: 2 of 5000 are free. "
                "Remove files there; the server then continues."
            ),
        ),
        (
            {"f_flag": os.ST_RDONLY},
            (
                "The file system of {} is read-only. Remount it for writing, or move the folder to "
                "another disk and set TASKPLANE_HOME."
            ),
        ),
    ],
)
def test_the_cause_the_path_and_what_to_do_are_named(
    changes: dict[str, Any], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(monkeypatch, **changes)
    assert storage.find_problem(tmp_path) == sentence.format(tmp_path)
    explained = storage.explain("LOG: redirecting log output", tmp_path, "move the folder away")
    assert explained == sentence.format(tmp_path)


def test_a_reason_that_names_the_cause_is_enough(tmp_path: Path) -> None:
    """A quota, or space that was freed by the failure itself."""
    line = '2026-11-28 UTC [1] FATAL:  could not extend file "base/1": wrote only 1 of 2 bytes'
    explained = storage.explain(line, tmp_path, "move the folder away")
    assert '(FATAL:  could not extend file "base/1": wrote only 1 of 2 bytes)' in explained
    assert "MB are free" in explained
    assert storage.explain("a broken file", tmp_path, "restore it") == "restore it"


def test_a_full_disk_is_answered_with_503_and_its_cause() -> None:
    error = OperationalError("could not extend file")
    error.__cause__ = psycopg.errors.DiskFull("could not extend file")
    problem = problem_of(error)
    assert problem is not None
    assert problem.status == 503
    assert "disk of the database is full: nothing was stored" in str(problem.detail)
