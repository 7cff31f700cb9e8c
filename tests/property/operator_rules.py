"""What operators do."""

from collections.abc import Container
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from tasks_app import services
from tasks_app.states import FINAL, WAITING
from tests.property.history import LONG, History, one, picks


class OperatorRules(History):
    """Each verb of the task and queue services."""

    @precondition(lambda self: self.model.tasks)
    @rule(places=picks, states=st.sampled_from([None, WAITING, {"RUNNING"}]))
    def cancel(self, places: list[int], states: Container[str] | None) -> None:
        self.do_cancel(self.pick(places, states))

    @precondition(lambda self: self.model.tasks)
    @rule(places=picks, states=st.sampled_from([None, FINAL, {"COMPLETED"}, {"CANCELLED"}]))
    def retry(self, places: list[int], states: Container[str] | None) -> None:
        ids = self.pick(places, states)
        retried = services.retry_tasks(ids=ids, **self.common())
        assert set(retried) == self.model.retry(ids)
        self.audits += bool(retried)
        self.after()

    @precondition(lambda self: self.model.tasks)
    @rule(place=one)
    def run_now(self, place: int) -> None:
        (task_id,) = self.pick([place], {"SCHEDULED", "RETRYING"})
        task = self.model.tasks[task_id]
        if task.state in ("SCHEDULED", "RETRYING"):
            services.run_task_now(task_id=task_id, **self.common())
            task.state, task.waits_long = "PENDING", False
            self.audits += 1
        else:
            self._refused(services.run_task_now, task_id=task_id)
        self.after()

    @precondition(lambda self: self.model.tasks)
    @rule(
        place=one,
        field=st.sampled_from(["priority", "max_attempts", "run_at"]),
        number=st.integers(1, 3),
    )
    def edit(self, place: int, field: str, number: int) -> None:
        (task_id,) = self.pick([place], {"PENDING", "SCHEDULED", "BLOCKED"})
        is_late = number > 1
        value = (now() + LONG if is_late else None) if field == "run_at" else number
        if not self.model.is_editable(task_id):
            self._refused(services.edit_task, task_id=task_id, changes={field: value})
            return
        services.edit_task(task_id=task_id, changes={field: value}, **self.common())
        self.audits += 1
        task = self.model.tasks[task_id]
        if field == "run_at":
            self.model.move(task_id, waits_long=is_late)
        elif field == "priority":
            task.priority = number
        else:
            task.max_attempts = task.round_attempts = number
        self.after()

    def _refused(self, service: Any, **arguments: Any) -> None:
        try:
            service(**arguments, **self.common())
        except Conflict:
            self.after()
            return
        raise AssertionError(f"{service.__name__} was not refused")

    @rule(place=one)
    def delete(self, place: int) -> None:
        ids = self.pick([place], FINAL)
        deleted = services.delete_tasks(ids=ids, **self.common())
        assert set(deleted) == self.model.delete(ids)
        self.audits += bool(deleted)
        self.after()

    @rule(paused=st.sampled_from([False, False, True]), most=st.sampled_from([None, None, 1, 2]))
    def change_queue(self, paused: bool, most: int | None) -> None:
        changes = {"paused": paused, "max_running": most}
        services.change_queue(name=self.queue, changes=changes, **self.common())
        self.is_paused, self.max_running = paused, most
        self.audits += 1
        self.after()
