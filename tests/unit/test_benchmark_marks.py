"""The marks that handlers of a benchmark leave in files."""

import struct
import threading
import time
from pathlib import Path

import pytest

from benchmarks import marks


def test_a_span_is_read_at_any_time_while_others_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(marks.VARIABLE, str(tmp_path))
    is_over = threading.Event()
    failures: list[Exception] = []

    def read() -> None:
        while not is_over.is_set():
            try:
                marks.read_span(tmp_path)
            except struct.error as error:
                failures.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(2_000):
        marks._Spans().note(time.monotonic())
    is_over.set()
    reader.join()
    assert failures == []
    assert marks.read_span(tmp_path).tasks == 1
