"""Dead letters, recorded when a task fails as a worker would write it."""

from typing import Any
from uuid import UUID

from controlplane.core.ids import uuid7
from controlplane.workspaces.models import Workspace
from dlq.models import DeadLetter
from tests.factories.tasks import make_task
from tests.manual_worker import run_task

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/shop/orders.py", line {line}, in {function}\n'
    "    raise error\n"
    '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode\n'
)


def make_error(
    message: str = "order 17 cannot be charged",
    *,
    name: str = "ValueError",
    category: str = "CODE",
    function: str = "charge",
    line: int = 12,
) -> dict[str, Any]:
    """An error as an attempt keeps it."""
    text = TRACEBACK.format(line=line, function=function) + f"{name}: {message}\n"
    return {"class": name, "message": message, "traceback": text, "category": category}


def make_letter(
    error: dict[str, Any] | None = None, *, workspace: Workspace | None = None, **fields: Any
) -> DeadLetter:
    """The letter of a new task that has just failed for good."""
    values = {"type": "test-echo", "name": "an echo", "payload": {"order": 17}, **fields}
    return make_next_letter(make_task(workspace=workspace, **values).id, error)


def make_next_letter(task_id: UUID, error: dict[str, Any] | None = None) -> DeadLetter:
    """The newest letter of this task, after it has failed for good (again)."""
    run_task(task_id, error or make_error())
    letter = DeadLetter.objects.filter(task_id=task_id).order_by("id").last()
    assert letter is not None
    return letter


def copy_letter(letter: DeadLetter, number: int) -> None:
    """`number` more letters like this one, of other tasks."""
    values = {field.attname: getattr(letter, field.attname) for field in letter._meta.fields}
    DeadLetter.objects.bulk_create(
        DeadLetter(**{**values, "id": uuid7(), "task_id": uuid7()}) for _ in range(number)
    )
