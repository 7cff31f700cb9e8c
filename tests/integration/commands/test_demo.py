"""`manage.py demo`, without a worker; with one: tests/acceptance/test_demo.py."""

from pathlib import Path

import pytest

from tasks_app.management.commands.demo import count_directly, files_under, sort_files
from tasks_app.models import Task
from tests.integration.commands.running import run


@pytest.mark.django_db
def test_no_worker_is_one_sentence() -> None:
    ran = run("demo")
    assert ran.code == 4
    assert "No worker is alive: run ./scripts/up" in ran.err
    assert not Task.objects.exists()


def test_direct_counting(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("één twee\ndrie\n".encode())
    (tmp_path / "b.txt").write_bytes(b"")
    (tmp_path / "c.bin").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "d.txt").write_text("left out")
    texts, bad = sort_files(files_under(tmp_path))
    assert [path.name for path in texts] == ["a.txt", "b.txt"]
    assert bad == tmp_path / "c.bin"
    assert count_directly(texts) == {
        "files": 2,
        "lines": 2,
        "words": 3,
        "characters": 14,
        "bytes": 16,
    }
