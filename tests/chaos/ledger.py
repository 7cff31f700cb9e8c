"""What must be true of the records after any fault."""

from pathlib import Path
from uuid import UUID

from django.db.models import Count, F, Sum

from tasks_app.models import Task, TaskAttempt
from workers.models import Node


def open_tasks(ids: list[UUID]) -> int:
    return Task.objects.filter(id__in=ids).exclude(state="COMPLETED").count()


def stale_writes() -> int:
    return Node.objects.aggregate(all=Sum("stale_writes"))["all"] or 0


def check_ledger(ids: list[UUID]) -> None:
    """Every task completed; exactly one success each; attempts numbered without gaps."""
    assert Task.objects.filter(id__in=ids, state="COMPLETED").count() == len(ids)
    successes = TaskAttempt.objects.filter(task_id__in=ids, outcome="SUCCEEDED")
    assert successes.count() == len(ids)
    assert successes.values("task_id").distinct().count() == len(ids)
    numbered = Task.objects.filter(id__in=ids).annotate(rows=Count("attempts"))
    assert not numbered.exclude(rows=F("attempt")).exists()


def executions(folder: Path) -> dict[UUID, int]:
    """How often each task was executed, from the traces that its handler left."""
    times: dict[UUID, int] = {}
    for trace in folder.iterdir():
        task = UUID(trace.name.split(".")[0])
        times[task] = times.get(task, 0) + 1
    return times
