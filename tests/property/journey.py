"""The ways that JSON values go through the system, and what is found at each place on them."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from rest_framework.test import APIClient

from controlplane.core.ids import uuid7
from controlplane.core.schema import represent
from tasks_app.models import Task
from tasks_app.queries import describe_tasks
from tasks_app.schema.tasks import Task as TaskResource
from tests import django_functions
from tests.engine import Engine
from tests.exported import read_csv, read_ndjson, read_xlsx
from tests.integration.commands.running import run
from tests.jsonvalues import is_same

WORKFLOW = {
    "name": "Values",
    "tasks": [
        {"key": "whole", "type": "test-echo", "payload": {"values": "{{ input.values }}"}},
        {
            "key": "each",
            "type": "test-echo",
            "forEach": "{{ steps.whole.result.values }}",
            "dependsOn": ["whole"],
            "payload": {"value": "{{ item }}"},
        },
        {
            "key": "again",
            "type": "test-echo",
            "dependsOn": ["each"],
            "payload": {"values": "{{ steps.each.result.map(r, r.value) }}"},
        },
    ],
}
_ENDED = ("COMPLETED", "FAILED", "CANCELLED")
_WAIT_LONG = 3_600_000


class Journey:
    """One batch of values on every way."""

    def __init__(
        self,
        values: Sequence[Any],
        *,
        client: APIClient,
        engine: Engine,
        folder: Path,
        workflow_id: str,
        counts: Counter[str],
    ) -> None:
        self.values = list(values)
        self.whole = {"values": self.values}
        self.client = client
        self.engine = engine
        self.repaired = folder / f"repaired-{uuid7()}"
        self.workflow_id = workflow_id
        self.counts = counts

    def go(self) -> None:
        """Submit the values through every door, and look for them at every place."""
        endings = [
            self.by_single_tasks(),
            self.by_a_bulk_call(),
            self.by_a_change(),
            self.by_a_workflow(),
            self.by_a_schedule(),
            self.by_a_scheduled_workflow(),
            self.by_a_django_task(),
            self.by_a_command(),
        ]
        for look in endings:
            look()
        self.counts["values"] += len(self.values)

    def see(self, place: str, found: Any, expected: Any) -> None:
        """Compare what is at a place, in value and kind."""
        assert is_same(found, expected), f"{place}: {found!r} instead of {expected!r}"
        self.counts[place] += 1

    # Doors: each returns what looks for the values once the work has ended.

    def by_single_tasks(self) -> Callable[[], None]:
        ids = []
        for value in self.values:
            answer = self.call("/tasks", {"type": "test-echo", "payload": {"value": value}})
            self.see("answer of POST /tasks", answer["payload"], {"value": value})
            ids.append(answer["id"])
        expected = {task: {"value": value} for task, value in zip(ids, self.values, strict=True)}

        def look() -> None:
            self.wait_for(ids)
            listed = self.call(f"/tasks?limit=200&id={','.join(ids)}")["data"]
            self.see_tasks("list", {task["id"]: task for task in listed}, expected)
            self.see_tasks("ndjson", read_ndjson(self.export("ndjson", ids)), expected)
            self.see_tasks("csv", read_csv(self.export("csv", ids)), expected)
            self.see_tasks("xlsx", read_xlsx(self.export("xlsx", ids)), expected)
            self.see_tasks("representation", self.read_representation(ids), expected)
            for task, value in expected.items():
                self.see_task(task, value)

        return look

    def by_a_bulk_call(self) -> Callable[[], None]:
        repaired = {**self.whole, "path": str(self.repaired)}
        # A line of a log is short, and texts in it are masked.
        numbers = [v for v in self.values if type(v) in (int, float) and abs(v) < 1e30]
        logged = {**self.whole, "numbers": numbers}
        body = [
            {"type": "test-echo", "ref": "parent", "payload": self.whole},
            {"type": "test-echo-parents", "dependsOn": ["parent"]},
            {"type": "test-echo-async", "payload": logged},
            {"type": "test-echo-retry", "payload": self.whole},
            {"type": "test-echo-child", "payload": self.whole},
            *[{"type": "test-echo-repaired", "payload": repaired}] * 3,
        ]
        ids = self.call("/tasks/bulk", {"tasks": body})["ids"]

        def look() -> None:
            self.wait_for(ids)
            parent, dependent, in_loop, retried, outer, *dead = ids
            self.see_task(parent, self.whole)
            self.see("result seen by a dependent", self.task(dependent)["result"], [self.whole])
            self.see("async handler", self.task(in_loop)["result"], logged)
            (line,) = self.task(in_loop)["logs"]
            self.see("fields of a log line", line["fields"], {"numbers": numbers})
            self.see("handler of a retry", self.task(retried)["result"], self.whole)
            child = self.task(outer)["result"]
            self.wait_for([child])
            self.see_task(child, self.whole)
            self.look_at_dead_letters(dead, repaired)

        return look

    def look_at_dead_letters(self, dead: Sequence[str], payload: dict[str, Any]) -> None:
        letters = [self.call(f"/dlq/tasks?taskId={task}")["data"][0] for task in dead]
        for letter in letters:
            self.see("dead letter", letter["payload"], payload)
        self.repaired.touch()
        own, kept, replayed = (letter["id"] for letter in letters)
        shown = self.call(f"/dlq/tasks/{own}")["payload"]
        self.call(f"/dlq/tasks/{own}/reprocess", {"payload": shown})
        self.call(f"/dlq/tasks/{kept}/reprocess", {})
        action = {"action": "reprocess", "ids": [replayed], "payload": shown, "ratePerSecond": 1000}
        self.call("/dlq/actions", action)
        for letter in (own, kept, replayed):
            task = self.engine.wait(
                lambda letter=letter: self.call(f"/dlq/tasks/{letter}")["reprocessedTaskId"],
                "the task that does the work of a dead letter again",
            )
            self.wait_for([task])
            self.see("payload of a reprocess", self.task(task)["payload"], payload)
            self.see("handler of a reprocess", self.task(task)["result"], payload)

    def by_a_change(self) -> Callable[[], None]:
        task = self.call("/tasks", {"type": "test-echo", "delay": _WAIT_LONG})["id"]
        answer = self.call(f"/tasks/{task}", {"payload": self.whole}, method="PATCH")
        self.see("answer of PATCH /tasks/{id}", answer["payload"], self.whole)
        self.call(f"/tasks/{task}/run-now", {})

        def look() -> None:
            self.wait_for([task])
            self.see_task(task, self.whole)

        return look

    def by_a_workflow(self) -> Callable[[], None]:
        answer = self.call(f"/workflows/{self.workflow_id}/execute", {"input": self.whole})
        return lambda: self.see_run(answer["runId"])

    def see_run(self, run_id: str) -> None:
        found = self.engine.wait(
            lambda: self.ended(self.call(f"/workflows/runs/{run_id}"), "status"),
            f"the end of run {run_id}",
        )
        assert found["status"] == "COMPLETED", found
        each = [{"value": value} for value in self.values]
        self.see("input of a run", found["input"], self.whole)
        steps = {step["key"]: step for step in found["steps"]}
        expected = {"whole": self.whole, "each": each, "again": self.whole}
        for key, result in expected.items():
            self.see(f"result of the step {key}", steps[key]["result"], result)
            for task in self.call(f"/tasks?limit=200&id={','.join(steps[key]['taskIds'])}")["data"]:
                self.see(f"payload by an expression, {key}", task["payload"], task["result"])

    def by_a_schedule(self) -> Callable[[], None]:
        job = self.make_job(taskType="test-echo")
        execution = self.call(f"/cron/jobs/{job}/trigger", {})["id"]

        def look() -> None:
            self.see("schedule", self.call(f"/cron/jobs/{job}")["payload"], self.whole)
            found = self.engine.wait(lambda: self.find_execution(job, execution), "a firing's end")
            self.see("result of a firing", found["result"], self.whole)
            self.see_task(found["taskId"], self.whole)

        return look

    def by_a_scheduled_workflow(self) -> Callable[[], None]:
        job = self.make_job(workflowId=self.workflow_id)
        execution = self.call(f"/cron/jobs/{job}/trigger", {})["id"]

        def look() -> None:
            found = self.engine.wait(lambda: self.find_execution(job, execution), "a firing's end")
            self.see_run(found["runId"])

        return look

    def make_job(self, **work: str) -> str:
        """A job that has no payload at first and then gets one."""
        name = f"values {uuid7()}"
        body = {"name": name, "schedule": "@yearly", **work, "payload": self.whole}
        answer = self.call("/cron/jobs", body)
        self.see("answer of POST /cron/jobs", answer["payload"], self.whole)
        changed = self.call(f"/cron/jobs/{answer['id']}", {"payload": self.whole}, method="PATCH")
        self.see("answer of PATCH /cron/jobs/{id}", changed["payload"], self.whole)
        return str(answer["id"])

    def by_a_django_task(self) -> Callable[[], None]:
        result = django_functions.echo.enqueue(self.values, named=self.whole)

        def look() -> None:
            self.wait_for([result.id])
            result.refresh()
            self.see("django task", result.return_value, [self.values, self.whole])
            self.see("its arguments", [*result.args, result.kwargs["named"]], result.return_value)

        return look

    def by_a_command(self) -> Callable[[], None]:
        ran = run("enqueue", "test-echo", f"--payload={json.dumps(self.whole)}", "--json")
        (task,) = ran.json["ids"]

        def look() -> None:
            self.wait_for([task])
            shown = run("tasks", "show", task, "--json").json
            self.see("tasks show --json", [shown["payload"], shown["result"]], [self.whole] * 2)
            self.see_task(task, self.whole)

        return look

    # Places.

    def see_task(self, task_id: str, value: Any) -> None:
        found = self.task(task_id)
        self.see("GET /tasks/{id}, payload", found["payload"], value)
        self.see("GET /tasks/{id}, result of its handler", found["result"], value)

    def see_tasks(
        self, place: str, found: dict[str, dict[str, Any]], expected: dict[str, Any]
    ) -> None:
        assert found.keys() == expected.keys()
        for task, value in expected.items():
            self.see(f"{place}, payload", found[task]["payload"], value)
            self.see(f"{place}, result", found[task]["result"], value)

    def read_representation(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What a message about tasks is made of, written and read."""
        rows = describe_tasks(list(Task.objects.filter(id__in=ids)))
        return {
            str(row.id): json.loads(orjson.dumps(represent(TaskResource, row, None)))
            for row in rows
        }

    def export(self, format_name: str, ids: Sequence[str]) -> bytes:
        answer = self.client.get(f"/tasks/export?format={format_name}&id={','.join(ids)}")
        assert answer.status_code == 200, answer.content
        return b"".join(answer.streaming_content)

    def task(self, task_id: str) -> Any:
        return self.call(f"/tasks/{task_id}")

    def find_execution(self, job: str, execution: str) -> Any:
        found = self.call(f"/cron/jobs/{job}/executions")["data"]
        return next((e for e in found if e["id"] == execution and e["status"] in _ENDED), None)

    def ended(self, found: dict[str, Any], name: str) -> Any:
        return found if found[name] in _ENDED else None

    def wait_for(self, ids: Sequence[str]) -> None:
        self.engine.wait_for_all([*ids])  # type: ignore[arg-type] # texts will do

    def call(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """The JSON of an answer, which is a success."""
        if body is None:
            answer = self.client.get(path)
        else:
            answer = self.client.generic(
                method, path, json.dumps(body), content_type="application/json"
            )
        assert 200 <= answer.status_code < 300, (path, answer.status_code, answer.content)
        return json.loads(answer.content)
