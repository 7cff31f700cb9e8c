"""The shipped processors on a real worker."""

import json
from pathlib import Path

from tasks_app.models import TaskAttempt
from tasks_app.processors import RetryPolicy
from tasks_app.services import submit_task, submit_tasks
from tasks_app.specs import TaskSpec
from tests.engine import Engine
from tests.unit.processors.webservice import Answer, serving


def test_the_shipped_processors_work_together(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two\n")
    (tmp_path / "b.txt").write_text("three\n")
    (tmp_path / "image").write_bytes(b"\xff\xd8\xff")
    with serving() as service:
        service.answers["/ok"] = Answer(
            200, {"Content-Type": "application/json"}, json.dumps({"ok": True}).encode()
        )
        service.answers["/busy"] = Answer(429, {"Retry-After": "0"})
        engine.worker(HTTP_REQUEST_ALLOW=service.allowed, FILE_ROOTS=str(tmp_path))
        engine.dispatcher()

        calls = submit_tasks(
            specs=[TaskSpec(type="http-request", payload={"url": service.url("/ok")})] * 20
        )
        busy = submit_task(
            spec=TaskSpec(
                type="http-request", payload={"url": service.url("/busy")}, max_attempts=3
            )
        )
        refused = submit_task(
            spec=TaskSpec(type="http-request", payload={"url": "http://127.0.0.1:1/"})
        )
        *counts, merge = submit_tasks(
            specs=[
                TaskSpec(type="file-stats", payload={"path": "a.txt"}, ref="a"),
                TaskSpec(type="file-stats", payload={"path": "b.txt"}, ref="b"),
                TaskSpec(type="file-stats-merge", depends_on=["a", "b"]),
            ]
        )
        image = submit_task(
            spec=TaskSpec(
                type="file-stats",
                payload={"path": "image"},
                retry=RetryPolicy(strategy="fixed", base_ms=10),
            )
        )
        health = submit_task(spec=TaskSpec(type="health-check"))
        engine.wait_for_all([*calls, busy, refused, *counts, merge, image, health])

        assert {engine.wait_for(call).result["json"]["ok"] for call in calls} == {True}
        keys = [a.headers["idempotency-key"] for a in service.asked if a.path == "/ok"]
        assert len(set(keys)) == 20
        # Three attempts, one key: the service can tell that they are one task.
        assert [a.headers["idempotency-key"] for a in service.asked if a.path == "/busy"] == [
            str(busy)
        ] * 3

    ended = engine.wait_for(refused)
    assert (ended.state, ended.attempt, ended.error["category"]) == ("FAILED", 1, "VALIDATION")
    assert engine.wait_for(merge).result == {
        "files": 2, "lines": 2, "words": 3, "characters": 14, "bytes": 14,
    }  # fmt: skip
    died = engine.wait_for(image)
    assert (died.state, died.error["class"], died.error["category"]) == (
        "FAILED",
        "NotTextError",
        "VALIDATION",
    )
    assert TaskAttempt.objects.filter(task_id=image).count() == 3
    checked = engine.wait_for(health).result
    assert (checked["database"]["status"], checked["redis"]["status"]) == ("ok", "ok")
    assert checked["workers"]["liveNodes"] == 1
