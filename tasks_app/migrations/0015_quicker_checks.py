"""The CHECK constraints of tasks in fewer words: Postgres reads and plans them again for each
statement, which was a third of an INSERT. They refuse what they refused.

Rows that are there are not looked at here, since the lock keeps everybody out; new ones are checked
from here on. The next migration looks at the others.
"""

from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, GreaterThanOrEqual, IsNull, LessThanOrEqual

from controlplane.core.migrating import Together


def _is_state(template: str) -> Func:
    return Func(F("state"), template=template, output_field=models.BooleanField())


_CONDITIONS: dict[str, Any] = {
    "task_lease_iff_running": Q(
        Exact(Exact(F("state"), "RUNNING"), IsNull(F("lease"), False)),
        Exact(IsNull(F("lease"), True), IsNull(F("node_id"), True)),
    ),
    "task_finished_at_iff_final": Exact(
        _is_state("(%(expressions)s = ANY ('{COMPLETED,FAILED,CANCELLED}'::text[]))"),
        IsNull(F("finished_at"), False),
    ),
    "task_run_at_when_due_later": Q(run_at__isnull=False)
    | Q(_is_state("(%(expressions)s <> ALL ('{SCHEDULED,RETRYING}'::text[]))")),
    "task_blocked_by_parents": GreaterThanOrEqual(
        F("blocked_by"), Cast(Exact(F("state"), "BLOCKED"), models.IntegerField())
    ),
    "task_has_attempts_left": Q(attempt__lt=F("max_attempts"))
    | Q(lease__isnull=False)
    | Q(finished_at__isnull=False)
    | Q(state="BLOCKED"),
    "task_values_in_range": Q(
        GreaterThanOrEqual(F("progress"), Cast(Value("0"), models.FloatField())),
        LessThanOrEqual(F("progress"), Cast(Value("100"), models.FloatField())),
        priority__gte=-100,
        priority__lte=100,
        timeout_ms__gt=0,
    ),
}


class Migration(migrations.Migration):
    contract = "The constraints refuse what they refused: only their wording changes."
    dependencies = [("tasks_app", "0014_pause_reason")]
    operations = [
        Together(
            [
                operation
                for name, condition in _CONDITIONS.items()
                for operation in (
                    migrations.RemoveConstraint("task", name),
                    AddConstraintNotValid(
                        "task", models.CheckConstraint(condition=condition, name=name)
                    ),
                )
            ]
        )
    ]
