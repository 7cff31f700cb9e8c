"""`manage.py simulate_scaling`."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def run(*options: str) -> str:
    out = StringIO()
    call_command("simulate_scaling", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_table_per_trace_and_one_over_all() -> None:
    text = run("--strategies=threshold,keda", "--traces=bursty,ramp", "--seeds=2", "--hours=0.1")
    assert "bursty: 2 days" in text
    assert "ramp: 2 days" in text
    assert "all traces" in text
    assert "4/4" in text


def test_json_holds_every_run_and_its_ratio() -> None:
    found = json.loads(
        run("--strategies=predictive", "--traces=cron", "--seeds=1", "--hours=0.3", "--json")
    )
    (played,) = found["runs"]
    assert played["ratio"] == pytest.approx(played["worker_hours"] / played["bound_hours"])
    assert played["ratio"] > 1
    assert (played["seed"], played["trace"]) == (1, "cron")
    assert found["summary"][0]["strategy"] == "predictive"
    assert found["settings"]["objective_seconds"] == 60


def test_a_file_is_played_instead(tmp_path: Path) -> None:
    path = tmp_path / "monday.csv"
    path.write_text("time,run_time\n" + "".join(f"{k * 3},4\n" for k in range(400)))
    found = json.loads(run("--strategies=objective", f"--trace-file={path}", "--json"))
    assert (found["runs"][0]["trace"], found["runs"][0]["tasks"]) == ("monday", 400)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--strategies=none", "is not one of predictive"),
        ("--traces=", "is not one of diurnal"),
        ("--seeds=101", "is not a whole number from 1 to 100"),
        ("--hours=25", "is not a number above 0 and up to 24"),
        ("--objective=nan", "must be a number from 0.1 to 86,400"),
        ("--trace-file=/nowhere/a.csv", "No such file"),
        ("--max-workers=0", "--max-workers: It must be a whole number from 1"),
        ("--startup=60 30", "must not be above"),
    ],
)
def test_wrong_options_are_one_sentence(option: str, reason: str) -> None:
    name, _, value = option.partition("=")
    values = value.split(" ") if name == "--startup" else [value]
    options = [name, *values] if name == "--startup" else [option]
    with pytest.raises(CommandError, match=reason):
        run("--hours=0.1", "--seeds=1", *options)
