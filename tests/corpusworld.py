"""Rows of every kind, whose fields hold the texts of the corpus, as far as the columns take them.

They are written past forms and services: older rows, other programs, tomorrow's code. What the
services refuse is in tests/integration/test_corpus_refused.py.
"""

import os
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection

from controlplane.core.clock import now
from controlplane.workspaces.models import Workspace
from tasks_app.models import Task
from tests.clients import default_workspace
from tests.corpus import BEYOND, KEYS, NUMBERS, TEXTS, cut, whole_payload
from tests.corpusrows.automation import (
    hostile_event,
    hostile_schedule,
    hostile_test,
    hostile_workflow,
)
from tests.corpusrows.fields import write
from tests.corpusrows.letters import hostile_group, hostile_letter, hostile_replay
from tests.corpusrows.people import hostile_operation, hostile_people, hostile_view
from tests.corpusrows.tasks import hostile_declaration, hostile_node, hostile_queue, hostile_task
from tests.factories import (
    make_attempt,
    make_job,
    make_leader,
    make_letter,
    make_log,
    make_run,
    make_task,
)
from workflows.models import RunStep

Rows = dict[str, Any]
_LIVE_SECONDS = 600


def chosen_names() -> list[str]:
    """All entries, or those that CORPUS names, separated by semicolons."""
    return list(filter(None, os.environ.get("CORPUS", "").split(";"))) or list(TEXTS)


class CorpusWorld:
    """`rows[label][entry]` is the row of a model whose fields hold that entry. Under the entry
    `all` are rows whose payloads, results, inputs and logs hold everything."""

    def __init__(self) -> None:
        self.home = default_workspace()
        self.rows: dict[str, Rows] = {}
        self.person = get_user_model().objects.create_user("corpus-member")
        make_leader("dispatcher", seconds=_LIVE_SECONDS)
        for number, name in enumerate(chosen_names()):
            self._keep(name, make_rows(name, TEXTS[name], number, self.home))
        self._keep("all", make_everything(self.home))
        self._keep("beyond", [make_beyond()])
        exact = {"numbers": dict(NUMBERS), "keys": dict.fromkeys(KEYS, 1)}
        self._keep("exact", [make_task("COMPLETED", name="exact", payload=exact)])
        write(self.home, name=cut(TEXTS["Hebrew"] + TEXTS["script"], 200))
        self.made_at = now()

    def _keep(self, name: str, rows: list[Any]) -> None:
        for row in rows:
            self.rows.setdefault(row._meta.label, {})[name] = row

    def row(self, label: str, name: str = "all") -> Any:
        """The row of this entry, or any where the entry has none."""
        found = self.rows.get(label, {})
        return found.get(name) or next(iter(found.values()))


def make_rows(name: str, text: str, number: int, home: Workspace) -> list[Any]:
    """One row of each kind, full of one text."""
    queue, node = hostile_queue(text, number, home), hostile_node(text, number)
    task = hostile_task(text, queue, node)
    letter = hostile_letter(text)
    return [
        queue, node, task, letter, hostile_group(text, number, letter), hostile_operation(text),
        hostile_view(text, number),
        hostile_declaration(text, number, node),
        hostile_replay(text, letter), *hostile_schedule(text, number),
        *hostile_workflow(text, number), hostile_event(text), hostile_test(text, number),
        *hostile_people(name, text, home),
    ]  # fmt: skip


def make_everything(home: Workspace) -> list[Any]:
    """A task and a run with the whole corpus in each field that holds JSON."""
    payload = whole_payload()
    task = make_task("COMPLETED", name="everything", payload=payload, workspace=home)
    write(task, result=payload, tags=["a", "b"])
    make_attempt(task)
    write(make_log(task, TEXTS["everything"]), fields=payload)
    letter = make_letter(payload=payload, name="everything")
    run = make_run()
    write(run, input=payload)
    RunStep.objects.filter(run=run, key="charge").update(
        state="COMPLETED", result=payload, started_at=now(), finished_at=now(), waits_for=0
    )
    job = make_job("everything", home)
    write(job, payload=payload)
    return [task, letter, run, job]


def make_beyond() -> Task:
    """A task with numbers that neither a call nor a driver of ours sends."""
    task = make_task("COMPLETED", name="beyond")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tasks_app_task SET payload = %s::jsonb, result = %s::jsonb WHERE id = %s",
            [BEYOND, BEYOND, task.pk],
        )
    return task
