"""Look at the rows that were there before the new CHECK constraints. Tasks may be made, changed and
removed while it runs."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

_NAMES = (
    "task_lease_iff_running",
    "task_finished_at_iff_final",
    "task_run_at_when_due_later",
    "task_blocked_by_parents",
    "task_has_attempts_left",
    "task_values_in_range",
)


class Migration(migrations.Migration):
    dependencies = [("tasks_app", "0015_quicker_checks")]
    operations = [ValidateConstraint("task", name) for name in _NAMES]
