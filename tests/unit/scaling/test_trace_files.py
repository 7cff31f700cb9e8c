"""Arrivals from files."""

from pathlib import Path

import pytest

from scaling.simulation.traces import TraceFileError, read_trace


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_hours_are_played_and_the_rest_is_history(tmp_path: Path) -> None:
    begin = 1_800_000_000
    lines = [f"{begin + 60 * k + 7},{1 + k % 3}" for k in range(300)]
    made = read_trace(write(tmp_path, "a.csv", "time,run_time\n" + "\n".join(lines)), hours=2)
    assert made.seconds == 7_200
    assert made.arrivals[:2] == [7.0, 67.0]
    assert made.run_times[:3] == [1.0, 2.0, 3.0]
    assert made.history == [1] * 180
    assert made.epoch == begin + 180 * 60


def test_the_mark_that_spreadsheets_put_first_is_no_part_of_a_name(tmp_path: Path) -> None:
    made = read_trace(write(tmp_path, "a.csv", "\ufefftime,run_time\n30,2\n"))
    assert (made.arrivals, made.run_times) == ([30.0], [2.0])


def test_ndjson_with_texts_of_time_in_any_order(tmp_path: Path) -> None:
    text = (
        '{"time": "2026-11-24T10:00:30Z", "run_time": 2.5, "queue": "x"}\n\n'
        '{"time": "2026-11-24T11:00:10+01:00", "run_time": 1}\n'
    )
    made = read_trace(write(tmp_path, "a.ndjson", text))
    assert (made.arrivals, made.run_times, made.seconds) == ([10.0, 30.0], [1.0, 2.5], 60.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("time,run_time\n", "no tasks"),
        ("time\n5\n", "task 1 has no 'run_time'"),
        ("time,run_time\n5,1\nsoon,1\n", "task 2"),
        ("time,run_time\n5,-1\n", "not a run time"),
        ("time,run_time\n5,nan\n", "not a run time"),
        ("time,run_time\n0,1\n9999999999,1\n", "more than 60 days"),
        ("time,run_time\n5\n", "task 1: None is not a run time"),
    ],
)
def test_what_cannot_be_played_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TraceFileError, match=reason):
        read_trace(write(tmp_path, "a.csv", text))


def test_lines_that_are_no_objects_and_too_many_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TraceFileError, match="task 1: a line is not a JSON object"):
        read_trace(write(tmp_path, "a.jsonl", "[1, 2]\n"))
    monkeypatch.setattr("scaling.simulation.traces.MAX_TASKS", 2)
    with pytest.raises(TraceFileError, match="more than 2 tasks"):
        read_trace(write(tmp_path, "b.csv", "time,run_time\n1,1\n2,1\n3,1\n"))
