"""What the table of tasks refuses from every writer.

The conditions are short: Postgres reads and plans them again for each statement.
"""

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, GreaterThanOrEqual, IsNull, LessThanOrEqual

from tasks_app.states import TaskState

_IS_RUNNING = Exact(F("state"), TaskState.RUNNING.value)
_IS_BLOCKED = Exact(F("state"), TaskState.BLOCKED.value)


def _is_state(template: str) -> Func:
    """A list as one constant: `IN` is a constant for each text, and a cast of the whole."""
    return Func(F("state"), template=template, output_field=models.BooleanField())


_IS_FINAL = _is_state("(%(expressions)s = ANY ('{COMPLETED,FAILED,CANCELLED}'::text[]))")
_IS_NOT_DUE_LATER = _is_state("(%(expressions)s <> ALL ('{SCHEDULED,RETRYING}'::text[]))")


def _float(digits: str) -> Cast:
    """A number that Postgres need not cast again for each statement."""
    return Cast(Value(digits), models.FloatField())


TASK_CONSTRAINTS: list[models.BaseConstraint] = [
    models.CheckConstraint(
        name="task_lease_iff_running",
        condition=Q(
            Exact(_IS_RUNNING, IsNull(F("lease"), False)),
            Exact(IsNull(F("lease"), True), IsNull(F("node_id"), True)),
        ),
    ),
    models.CheckConstraint(
        name="task_finished_at_iff_final",
        condition=Exact(_IS_FINAL, IsNull(F("finished_at"), False)),
    ),
    models.CheckConstraint(
        name="task_run_at_when_due_later",
        condition=Q(run_at__isnull=False) | Q(_IS_NOT_DUE_LATER),
    ),
    models.CheckConstraint(
        name="task_blocked_by_parents",
        condition=GreaterThanOrEqual(F("blocked_by"), Cast(_IS_BLOCKED, models.IntegerField())),
    ),
    models.CheckConstraint(
        name="task_attempts_bounded",
        condition=Q(attempt__gte=0, attempt__lte=F("max_attempts"), max_attempts__gt=0),
    ),
    # What waits, but not for parents: by the columns that other constraints tie to states, which is
    # shorter than three texts.
    models.CheckConstraint(
        name="task_has_attempts_left",
        condition=Q(attempt__lt=F("max_attempts"))
        | Q(lease__isnull=False)
        | Q(finished_at__isnull=False)
        | Q(state=TaskState.BLOCKED.value),
    ),
    models.CheckConstraint(
        name="task_values_in_range",
        condition=Q(
            GreaterThanOrEqual(F("progress"), _float("0")),
            LessThanOrEqual(F("progress"), _float("100")),
            priority__gte=-100,
            priority__lte=100,
            timeout_ms__gt=0,
        ),
    ),
]
