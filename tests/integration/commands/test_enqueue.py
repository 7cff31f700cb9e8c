"""`manage.py enqueue`."""

import io
from pathlib import Path

import pytest

from controlplane.core.console.options import duration_ms
from tasks_app.models import Task
from tests.clients import other_workspace
from tests.factories import make_task
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db


def test_one_task_with_every_option() -> None:
    parent = make_task()
    ran = run(
        "enqueue",
        "sleep",
        '--payload={"ms": 1}',
        "--name=n",
        "--queue=mail",
        "--priority=-7",
        "--delay=2s",
        "--max-attempts=9",
        "--timeout=1.5",
        "--tag=a",
        "--tag=b",
        f"--depends-on={parent.id}",
        "--on-parent-failure=run",
        "--idempotency-key=k",
    )
    assert ran.code == 0, ran.err
    task = Task.objects.get(id=ran.out.strip())
    assert (task.type, task.payload, task.name, task.queue.name) == (
        "sleep",
        {"ms": 1},
        "n",
        "mail",
    )
    assert (task.priority, task.max_attempts, task.timeout_ms) == (-7, 9, 1500)
    assert (task.tags, task.on_parent_failure, task.state) == (["a", "b"], "run", "BLOCKED")
    assert task.run_at is not None
    again = run("enqueue", "noop", "--idempotency-key=k")
    assert again.code == 1
    assert "another body" in again.err


def test_many(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "TASKPLANE", settings.TASKPLANE | {"BULK_MAX": 10})
    ran = run("enqueue", "noop", "--count=25", "--json")
    assert ran.json["created"] == 25
    assert len(set(ran.json["ids"])) == 25 == Task.objects.count()
    assert "25 tasks in all" in run("enqueue", "noop", "--count=25").out


def test_payloads_from_a_file_and_from_stdin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"ms": 3}', encoding="utf-8")
    assert run("enqueue", "sleep", f"--payload=@{file}").code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO('{"ms": 4}'))
    assert run("enqueue", "sleep", "--payload=-").code == 0
    assert [task.payload["ms"] for task in Task.objects.order_by("id")] == [3, 4]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nop"], 1, "Did you mean 'noop'?"),
        (["noop", "--priority=101"], 1, "priority: "),
        (["sleep"], 1, "payload.ms: "),
        (["noop", "--run-at=soon"], 2, "--run-at: "),
        (["noop", "--payload=["], 2, "--payload cannot be read"),
        (["noop", "--payload=[]"], 2, "must be a JSON object"),
        (["noop", '--payload={"a": 1, "a": 2}'], 2, "This key occurs twice."),
        (["noop", "--queue="], 1, "Leave it out for the queue of the task's type."),
        (["noop", "--name=\udcff"], 1, "without NUL and lone surrogates"),
        (["noop", "--tag=\udcff"], 1, "without NUL and lone surrogates"),
        (["noop", "--payload=@/does/not/exist"], 2, "--payload cannot be read"),
        (["noop", "--count=0"], 2, "--count"),
        (["noop", "--count=2", "--idempotency-key=k"], 2, "--count"),
        (["noop", "--workspace=nowhere"], 3, "no workspace 'nowhere'"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: list[str], code: int, words: str) -> None:
    ran = run("enqueue", *arguments)
    assert ran.code == code
    assert words in ran.err
    assert not Task.objects.exists()


def test_waiting_in_vain_says_why() -> None:
    ran = run("enqueue", "noop", "--wait", "--wait-timeout=0.2")
    assert ran.code == 4
    assert "No live worker" in ran.err
    assert "1 PENDING" in ran.err


def test_another_workspace() -> None:
    workspace = other_workspace()
    run("enqueue", "noop", "--workspace=other")
    assert Task.objects.get().workspace_id == workspace.id


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), ("5ms", 5), ("2s", 2_000), ("1.5m", 90_000), ("1d", 86_400_000)],
)
def test_durations(text: str, expected: int) -> None:
    assert duration_ms(text) == expected


@pytest.mark.parametrize("text", ["", "s", "5y", "five", "1e999s", "5mm"])
def test_no_durations(text: str) -> None:
    with pytest.raises(Exception, match="is not a duration"):
        duration_ms(text)
