"""Counting files, and what may be read at all."""

import hashlib
import io
import os
import sysconfig
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tasks_app.processors import Fail, registry
from tasks_app.processors.builtin import file_stats
from tests.unit.processors.recording import RecordingContext


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    settings.TASKPLANE = {**settings.TASKPLANE, "FILE_ROOTS": [str(folder)]}
    return folder


def count(path: str, context: RecordingContext | None = None) -> dict[str, object]:
    found = registry.get("file-stats")
    result: dict[str, object] = found.func(
        context or RecordingContext(), found.validate({"path": path})
    )
    return result


def test_a_file_is_counted_and_hashed(root: Path) -> None:
    text = "one two\n\tthree\u00a0four\r\nfünf\n\n"
    (root / "a.txt").write_text(text, encoding="utf-8", newline="")
    content = text.encode()

    assert count("a.txt") == {
        "path": "a.txt",
        "lines": 4,
        "words": 5,
        "characters": len(text),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert count(str(root / "a.txt"))["words"] == 5


@given(
    st.text(st.sampled_from("ab\n \u00a0é\u3000😀"), max_size=60),
    st.integers(min_value=1, max_value=7),
)
def test_counting_in_pieces_equals_counting_at_once(text: str, piece: int) -> None:
    content = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_stats, "_CHUNK_BYTES", piece)
        stats, digest = file_stats.count_text(
            RecordingContext(), io.BytesIO(content), size=len(content), name="text"
        )

    assert (stats.lines, stats.words) == (text.count("\n"), len(text.split()))
    assert (stats.characters, stats.bytes) == (len(text), len(content))
    assert digest == hashlib.sha256(content).hexdigest()


def test_a_large_file_shows_its_progress(root: Path) -> None:
    (root / "large.txt").write_text("line\n" * 700_000)
    context = RecordingContext()

    assert count("large.txt", context)["lines"] == 700_000
    assert context.percents == sorted(context.percents)
    assert context.percents[-1] == 100


@pytest.mark.parametrize("content", [b"\xff\xfe", b"fine\n\xc3", b"a" * 2_000_000 + b"\x80"])
def test_what_is_not_text_is_an_error_to_retry(root: Path, content: bytes) -> None:
    (root / "image").write_bytes(content)

    with pytest.raises(file_stats.NotTextError, match="image is not UTF-8 text") as caught:
        count("image")

    assert not isinstance(caught.value, Fail)
    rule = registry.get("file-stats").category_of
    assert rule is not None
    assert rule(caught.value) == "VALIDATION"


def test_nothing_outside_the_roots_is_read(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root-2" / "a").write_text("sibling")
    (root / "link").symlink_to(outside)
    paths = [
        str(outside),
        "../secret.txt",
        "link",
        "/etc/passwd",
        "../root-2/a",
        "x/../../secret.txt",
    ]

    for path in [*paths, "/nowhere/at/all"]:
        with pytest.raises(Fail, match="outside the directories"):
            count(path)


def test_only_regular_files_are_read(root: Path) -> None:
    os.mkfifo(root / "pipe")

    for path in ("pipe", "."):
        with pytest.raises(Fail, match="not a regular file"):
            count(path)
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        count("missing")


def test_by_default_only_the_standard_library_can_be_read(settings: Settings) -> None:
    settings.TASKPLANE = {**settings.TASKPLANE, "FILE_ROOTS": []}
    library = Path(sysconfig.get_path("stdlib"))

    assert file_stats.file_roots() == [library.resolve()]
    assert count("json/__init__.py")["bytes"] == (library / "json/__init__.py").stat().st_size
    with pytest.raises(Fail):
        count("/etc/hostname")


def test_a_merge_adds_up_what_its_dependencies_counted(root: Path) -> None:
    results = {}
    for number in range(3):
        (root / f"{number}.txt").write_text("a b\n" * number)
        results[uuid4()] = count(f"{number}.txt")
    merge = registry.get("file-stats-merge")

    total = merge.func(RecordingContext(results=results), merge.validate({}))

    assert total == {"files": 3, "lines": 3, "words": 6, "characters": 12, "bytes": 12}


@pytest.mark.parametrize("result", [None, {"lines": 1}, [1]])
def test_a_merge_of_something_else_fails(result: object) -> None:
    merge = registry.get("file-stats-merge")

    with pytest.raises(Fail, match="not of type file-stats"):
        merge.func(RecordingContext(results={uuid4(): result}), merge.validate({}))
