"""The release before a migration works on after it: it reads and writes the new schema until its
last process has ended, and again if the upgrade is taken back (docs/upgrades.md).

Added is what the old code need not know. A *contract* step takes something away, or refuses what
was allowed; it needs the attribute `contract` on its migration, a sentence that says why no release
that may still run minds.
"""

import re
from typing import Any

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import connection, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.architecture.test_migrations import flatten, loader, own_migrations

_REMOVED = "TABLE|COLUMN|VIEW|TYPE|FUNCTION|TRIGGER|CONSTRAINT|DEFAULT"
_SQL_BREAKS = {
    rf"\bDROP ({_REMOVED})\b": "removes what is used",
    r"\bRENAME\b": "renames what the release before reads",
    r"\bSET NOT NULL\b": "refuses rows of the release before",
    r"\bALTER (COLUMN )?\w+ (SET DATA )?TYPE\b": "changes a type that the release before expects",
    r"\bADD COLUMN [^,;]*\bNOT NULL\b(?![^,;]*\bDEFAULT\b)": "refuses rows without the column",
    r"\bADD CONSTRAINT\b": "may refuse rows of the release before",
    r"\bCREATE UNIQUE INDEX\b": "may refuse rows of the release before",
}
_NOTHING_TO_READ = ProjectState()


def find_break(operation: Operation, made: set[str], state: ProjectState, app: str) -> str | None:
    """Why the release before may fail after this operation; None: it does not. `made`: tables of
    the same migration, which it does not know; `state`: the models before it."""
    if isinstance(operation, ValidateConstraint):
        return None
    if isinstance(operation, migrations.RunPython):
        return "changes rows in a way that nobody can read here"
    if isinstance(operation, migrations.RunSQL):
        return find_break_of_sql(str(operation.sql))
    model = getattr(operation, "model_name", getattr(operation, "name", "") or "").lower()
    if model in made:
        return None
    if isinstance(operation, migrations.AddField):
        field = operation.field
        is_written = field.null or field.has_db_default() or field.many_to_many
        return None if is_written else "rows of the release before lack it: null or db_default"
    if isinstance(operation, migrations.AlterField):
        before = state.models[app, model].fields[operation.name]
        return find_break_of_change(before, operation.field)
    if isinstance(operation, migrations.AddConstraint | AddConstraintNotValid):
        return "may refuse rows of the release before"
    breaking = (
        migrations.RemoveField, migrations.RenameField, migrations.DeleteModel,
        migrations.RenameModel, migrations.AlterModelTable, migrations.RemoveConstraint,
    )  # fmt: skip
    return "takes away what the release before uses" if isinstance(operation, breaking) else None


def find_break_of_change(before: Any, after: Any) -> str | None:
    types = [type_of(field) for field in (before, after)]
    lengths = [getattr(field, "max_length", None) or 0 for field in (before, after)]
    if before.null and not after.null:
        return "refuses the NULL of the release before"
    if before.has_db_default() and not after.has_db_default():
        return "rows of the release before lack it"
    if types[0] != types[1] and not (lengths[0] and (not lengths[1] or lengths[1] > lengths[0])):
        return f"changes the type from {types[0]} to {types[1]}"
    return None


def type_of(field: Any) -> str:
    """In the database; the table, if it is a reference: fields of migrations are in no registry."""
    if field.is_relation:
        return f"reference to {str(field.remote_field.model).lower()}"
    return str(field.db_type(connection))


def find_break_of_sql(sql: str) -> str | None:
    # A function that is replaced, with the same arguments, stays.
    text = re.sub(r"\s+", " ", sql.upper())
    return next((why for pattern, why in _SQL_BREAKS.items() if re.search(pattern, text)), None)


def find_breaks(migration: migrations.Migration) -> list[str]:
    made: set[str] = set()
    state = _NOTHING_TO_READ
    if any(isinstance(each, migrations.AlterField) for each in flatten(migration.operations)):
        state = loader().project_state((migration.app_label, migration.name), at_end=False)
    breaks = []
    for operation in flatten(migration.operations):
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name.lower())
        why = find_break(operation, made, state, migration.app_label)
        if why:
            breaks.append(f"{operation.describe()}: {why}")
    return breaks


@pytest.mark.parametrize("migration", list(own_migrations()), ids=str)
def test_the_release_before_works_after_a_migration(migration: migrations.Migration) -> None:
    breaks = find_breaks(migration)
    declared = getattr(migration, "contract", "")
    if not declared:
        assert breaks == [], "declare it with `contract`, or do it in two releases"
    else:
        assert breaks, "the declaration `contract` is no longer needed"
        assert len(declared.split()) > 5
        assert declared.endswith(".")


class TestTheRule:
    """It finds what breaks, and lets through what does not."""

    @pytest.mark.parametrize(
        "operation",
        [
            migrations.RemoveField("task", "name"),
            migrations.RenameField("task", "name", "title"),
            migrations.RenameModel("Task", "Job"),
            migrations.DeleteModel("Task"),
            migrations.AddField("task", "x", models.TextField(default="")),
            migrations.AddField("queue", "x", models.UUIDField()),
            migrations.AddConstraint("queue", models.UniqueConstraint(fields=["id"], name="x")),
            migrations.RemoveConstraint("queue", "x"),
            migrations.RunPython(migrations.RunPython.noop),
            migrations.RunSQL("alter table tasks_app_task\n drop column name"),
            migrations.RunSQL("ALTER TABLE tasks_app_task RENAME COLUMN name TO title"),
            migrations.RunSQL("ALTER TABLE t ADD COLUMN x int, ADD COLUMN y int NOT NULL"),
            migrations.RunSQL("ALTER TABLE t ALTER COLUMN x SET NOT NULL"),
            migrations.RunSQL("ALTER TABLE t ALTER x TYPE bigint"),
            migrations.RunSQL("DROP TRIGGER x ON t"),
        ],
        ids=lambda operation: operation.describe(),
    )
    def test_finds(self, operation: Operation) -> None:
        assert find_break(operation, set(), _NOTHING_TO_READ, "tasks_app")

    @pytest.mark.parametrize(
        "operation",
        [
            migrations.CreateModel("Other", []),
            migrations.AddField("task", "x", models.TextField(null=True)),
            migrations.AddField("task", "x", models.TextField(db_default="")),
            migrations.AddField("other", "x", models.TextField(default="")),
            migrations.AddIndex("task", models.Index(fields=["type"], name="x")),
            migrations.RemoveIndex("task", "x"),
            migrations.RunSQL("ALTER TABLE t ADD COLUMN x int NOT NULL DEFAULT 0, ADD y text"),
            migrations.RunSQL("CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE sql AS ''"),
        ],
        ids=lambda operation: operation.describe(),
    )
    def test_lets_through(self, operation: Operation) -> None:
        assert find_break(operation, {"other"}, _NOTHING_TO_READ, "tasks_app") is None

    @pytest.mark.parametrize(
        ("before", "after", "breaks"),
        [
            (models.CharField(max_length=10), models.CharField(max_length=20), False),
            (models.CharField(max_length=10), models.TextField(), False),
            (models.CharField(max_length=10), models.CharField(max_length=5), True),
            (models.IntegerField(), models.BigIntegerField(), True),
            (models.IntegerField(null=True), models.IntegerField(), True),
            (models.IntegerField(), models.IntegerField(null=True), False),
            (models.IntegerField(db_default=0), models.IntegerField(), True),
            (models.IntegerField(), models.IntegerField(default=1, help_text="x"), False),
        ],
    )
    def test_changes(self, before: Any, after: Any, breaks: bool) -> None:
        assert bool(find_break_of_change(before, after)) is breaks
