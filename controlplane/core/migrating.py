"""An operation of migrations for several changes of tables that are in use."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class Together(Operation):
    """Operations whose statements follow each other at once.

    Between two operations Django computes all models again, for a tenth of a second or more, on a
    busy machine for seconds, and the lock of the first statement is held all that time. Here
    everything is computed before the first statement.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.operations], {}

    def describe(self) -> str:
        return "; ".join(operation.describe() for operation in self.operations)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation, before, after in self._compute(app_label, from_state):
            operation.database_forwards(app_label, schema_editor, before, after)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        # Backwards `to_state` is the one before the operations.
        for operation, before, after in reversed(self._compute(app_label, to_state)):
            operation.database_backwards(app_label, schema_editor, after, before)

    def _compute(
        self, app_label: str, state: ProjectState
    ) -> list[tuple[Operation, ProjectState, ProjectState]]:
        """Each operation with the states before and after it, whose models are made."""
        steps = []
        for operation in self.operations:
            after = state.clone()
            operation.state_forwards(app_label, after)
            steps.append((operation, state, after))
            state = after
        for _, before, after in steps:
            _ = before.apps, after.apps
        return steps
