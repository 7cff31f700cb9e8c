"""The marks that handlers of a benchmark leave in files."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks import marks


def test_a_span_is_read_at_any_time_while_others_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(marks.VARIABLE, str(tmp_path))
    is_over = threading.Event()

    def read() -> int:
        number = 0
        while not is_over.is_set():
            marks.read_span(tmp_path)
            number += 1
        return number

    with ThreadPoolExecutor() as threads:
        reading = threads.submit(read)
        for _ in range(2_000):
            marks._Spans().note(time.monotonic())
        is_over.set()
        assert reading.result() > 0
    assert marks.read_span(tmp_path).tasks == 1
