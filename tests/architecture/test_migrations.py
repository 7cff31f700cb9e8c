"""A migration takes no lock on a hot table for longer than a moment: workers continue during it.

What is quick whatever the size of the table is allowed: a column that may be null or has a constant
default, an index that is built or dropped concurrently, a constraint that is added without looking
at the rows and validated afterwards. Data is changed in batches, outside the transaction.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.operations import NotInTransactionMixin, ValidateConstraint
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from controlplane.core.migrating import Together

ROOT = Path(__file__).resolve().parents[2]
OURS = [
    config.label
    for config in apps.get_app_configs()
    if Path(config.path).is_relative_to(ROOT) and ".venv" not in Path(config.path).parts
]
# Tables with a row per task, attempt, letter, call or sample. Others have a row per thing that a
# person made, and are rewritten within milliseconds.
HOT = {
    "task", "taskattempt", "tasklog", "taskdependency", "tasktag", "idempotencykey", "rollup",
    "taskcountchange", "deadletter", "replaytask", "lettercountchange", "operationitem", "firing",
    "stresstask", "auditevent", "nodesample", "minutesample", "queuesample", "scalingevent",
    "workflowrun", "runstep",
}  # fmt: skip
# Those of before this rule: no installation had rows in these tables yet.
BEFORE = {
    "tasks_app": 11, "dlq": 7, "workers": 5, "workspaces": 2, "operations": 1, "schedules": 3,
    "stress": 2, "scaling": 4, "workflows": 2,
}  # fmt: skip


@cache
def loader() -> MigrationLoader:
    """What the files say; no database is asked."""
    return MigrationLoader(None, ignore_no_migrations=True)


def own_migrations() -> Iterator[migrations.Migration]:
    for (app, name), migration in sorted(loader().disk_migrations.items()):
        if app in OURS and int(name[:4]) > BEFORE.get(app, 0):
            yield migration


def find_fault(
    operation: Operation, made: set[str], *, atomic: bool, before: object = None
) -> str | None:
    """Why an operation may lock for long; None: it does not. `made`: the tables that the migration
    has made itself, which nobody uses yet. `before`: the field that it alters."""
    if isinstance(operation, NotInTransactionMixin):
        return "needs atomic = False" if atomic else None
    model = getattr(operation, "model_name", getattr(operation, "name", "")).lower()
    if isinstance(operation, migrations.RunSQL):
        return find_fault_of_sql(str(operation.sql))
    if model in made or model not in HOT:
        return None
    if isinstance(operation, migrations.AddField):
        if not atomic:
            return "waits for its lock without limit: a migration of its own, atomic"
        field = operation.field
        is_quick = field.null or field.has_db_default() or not callable(field.default)
        return (
            None
            if is_quick and not getattr(field, "db_index", False)
            else "rewrites or reads every row"
        )
    if isinstance(operation, migrations.AddIndex | migrations.RemoveIndex):
        return f"blocks writes: use {type(operation).__name__}Concurrently"
    if (
        isinstance(operation, migrations.AddConstraint)
        and "NotValid" not in type(operation).__name__
    ):
        return "reads every row: use AddConstraintNotValid, then ValidateConstraint"
    if isinstance(operation, ValidateConstraint):
        return None
    if isinstance(operation, migrations.AlterField):
        return find_fault_of_change(before, operation.field)
    return None


def find_fault_of_change(before: object, after: models.Field[Any, Any]) -> str | None:
    # From varchar to text, only the catalogue changes.
    if type(before) is models.CharField and type(after) is models.TextField:
        return None if after.null == before.null else "reads every row"
    return "may rewrite every row: add a column, copy in batches, drop the old one"


def find_fault_of_sql(sql: str) -> str | None:
    text = re.sub(r"\s+", " ", sql.upper())
    hot = "|".join(f"[A-Z_]+_{model.upper()}" for model in sorted(HOT))
    if re.search(rf"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)[^;]* ON ({hot})\b", text):
        return "blocks writes: CREATE INDEX CONCURRENTLY"
    if re.search(rf"ALTER TABLE ({hot})\b[^;]*(ALTER COLUMN [^;]* TYPE|SET NOT NULL)", text):
        return "reads or rewrites every row"
    if re.search(rf"ALTER TABLE ({hot})\b[^;]*ADD CONSTRAINT (?![^;]*NOT VALID)", text):
        return "reads every row: NOT VALID, then VALIDATE CONSTRAINT"
    if re.search(rf"(LOCK TABLE|VACUUM FULL|CLUSTER) [^;]*({hot})\b", text):
        return "locks the whole table"
    return None


def find_altered(migration: migrations.Migration, operation: Operation) -> object:
    """The field as the migration finds it."""
    if not isinstance(operation, migrations.AlterField):
        return None
    key = (migration.app_label, migration.name)
    state = loader().project_state(key, at_end=False)
    return state.models[migration.app_label, operation.model_name_lower].fields[operation.name]


def test_the_tables_of_the_rule_exist() -> None:
    names = {
        model._meta.model_name for app in OURS for model in apps.get_app_config(app).get_models()
    }
    assert names >= HOT


def flatten(operations: Sequence[Operation]) -> Iterator[Operation]:
    """What happens in the database."""
    for operation in operations:
        if isinstance(operation, Together):
            yield from flatten(operation.operations)
        elif isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from flatten(operation.database_operations)
        else:
            yield operation


def find_delay(operations: Sequence[Operation]) -> str | None:
    """What is computed while the lock of an earlier statement is held; None: nothing is. The
    statements of RunSQL need no models."""
    made: set[str] = set()
    locked = ""
    for operation in operations:
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name.lower())
        elif not isinstance(operation, migrations.RunSQL):
            if locked:
                return f"{operation.describe()}, while {locked}"
            model = getattr(operation, "model_name", "")
            locked = "" if model.lower() in made else operation.describe()
    return None


@pytest.mark.parametrize("migration", list(own_migrations()), ids=str)
def test_nothing_is_computed_while_a_lock_is_held(migration: migrations.Migration) -> None:
    delay = find_delay(migration.operations) if migration.atomic else None
    is_check = all(isinstance(each, ValidateConstraint) for each in migration.operations)
    assert delay is None or is_check, "use Together, or a migration of its own"


def test_the_rule_finds_what_is_computed_under_a_lock() -> None:
    add = migrations.AddField("task", "x", models.TextField(null=True))
    make = migrations.CreateModel("Other", [])
    index = migrations.AddIndex("other", models.Index(fields=["id"], name="x"))
    assert find_delay([add, add])
    assert find_delay([make, index, add, index])
    for allowed in ([Together([add, add])], [make, index, add], [add, migrations.RunSQL("")]):
        assert find_delay(allowed) is None


@pytest.mark.parametrize("migration", list(own_migrations()), ids=str)
def test_migrations_do_not_lock_hot_tables(migration: migrations.Migration) -> None:
    made: set[str] = set()
    faults = []
    for operation in flatten(migration.operations):
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name.lower())
        fault = find_fault(
            operation, made, atomic=migration.atomic, before=find_altered(migration, operation)
        )
        if fault:
            faults.append(f"{operation.describe()}: {fault}")
    assert faults == []


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddIndex("task", models.Index(fields=["type"], name="x")),
        migrations.AddConstraint(
            "task", models.CheckConstraint(condition=models.Q(id=1), name="x")
        ),
        migrations.AlterField("task", "type", models.TextField()),
        migrations.AddField("deadletter", "x", models.UUIDField(default=lambda: None)),
        migrations.RunSQL("create index x\n on tasks_app_task (type)"),
        migrations.RunSQL("ALTER TABLE dlq_deadletter ALTER COLUMN type TYPE text"),
        migrations.RunSQL("ALTER TABLE tasks_app_task ADD CONSTRAINT x CHECK (true)"),
        migrations.RunSQL("LOCK TABLE tasks_app_task"),
    ],
    ids=lambda operation: operation.describe(),
)
def test_the_rule_finds_what_locks(operation: Operation) -> None:
    assert find_fault(operation, set(), atomic=True)


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("task", "x", models.TextField(null=True)),
        migrations.AddField("task", "x", models.TextField(default="")),
        migrations.AddIndex("queue", models.Index(fields=["name"], name="x")),
        migrations.RunSQL("CREATE INDEX CONCURRENTLY x ON tasks_app_task (type)"),
        migrations.RunSQL("ALTER TABLE tasks_app_task ADD CONSTRAINT x CHECK (true) NOT VALID"),
    ],
    ids=lambda operation: operation.describe(),
)
def test_the_rule_lets_through_what_is_quick(operation: Operation) -> None:
    assert find_fault(operation, set(), atomic=True) is None


def test_a_bounded_text_may_become_any_text() -> None:
    field = models.CharField(max_length=200)
    for changed, is_quick in (
        (models.TextField(), True),
        (models.TextField(null=True), False),
        (models.CharField(max_length=20), False),
        (models.IntegerField(), False),
    ):
        operation = migrations.AlterField("task", "type", changed)
        assert (find_fault(operation, set(), atomic=True, before=field) is None) == is_quick


def test_a_column_is_added_in_a_transaction() -> None:
    operation = migrations.AddField("task", "x", models.TextField(null=True))
    assert find_fault(operation, set(), atomic=False)


def test_a_table_of_the_same_migration_is_not_in_use() -> None:
    operation = migrations.AddIndex("task", models.Index(fields=["type"], name="x"))
    assert find_fault(operation, {"task"}, atomic=True) is None
