"""`manage.py enqueue`: submit tasks from the command line."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.conf import settings

from controlplane.core.console.command import Options, Reply
from controlplane.core.console.derived import add_fields
from controlplane.core.console.options import (
    JSON_HELP,
    add_wait,
    duration_ms,
    identifier,
    json_object,
)
from controlplane.core.console.output import CommandError, describe_refusal
from controlplane.core.console.secondlook import Effect
from controlplane.core.errors import Invalid
from controlplane.core.schema import represent_value
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from tasks_app import services
from tasks_app.management.waiting import (
    States,
    describe_states,
    have_all_completed,
    wait_for_tasks,
)
from tasks_app.queries import get_task, has_worker
from tasks_app.schema.submission import TaskIn
from tasks_app.specs import TaskSpec

_IDS_SHOWN = 20
# Fields of a task that are options as they are.
_FIELDS = (
    "name", "queue", "priority", "run_at", "max_attempts", "timeout_seconds", "on_parent_failure",
    "tags",
)  # fmt: skip
_ALIASES = {"tags": "--tag", "timeout_seconds": "--timeout"}
_EXAMPLES = """\
  manage.py enqueue noop
  manage.py enqueue sleep --payload '{"ms": 500}' --count 100 --wait
  manage.py enqueue http-request --payload @request.json --delay 5m --tag night"""


class Command(WorkspaceCommand):
    """Prints the ids, one a line; with --wait also how the tasks ended."""

    help = "Submit one task, or many of the same kind."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_run(parser, self._run, Effect.MAKES, has_reason=True)
        parser.add_argument("type", help="a task type: `manage.py tasks types` lists them")
        parser.add_argument("--payload", default="{}", metavar="JSON", help=JSON_HELP)
        parser.add_argument("--count", type=int, default=1, metavar="N", help="tasks (default 1)")
        add_fields(parser, TaskIn, *_FIELDS, aliases=_ALIASES)
        parser.add_argument(
            "--delay", type=duration_ms, metavar="DURATION", help="wait first: 500ms, 30s, 5m, 2h"
        )
        parser.add_argument(
            "--depends-on",
            action="append",
            default=[],
            type=identifier,
            metavar="ID",
            help="task to wait for; may be repeated",
        )
        parser.add_argument(
            "--idempotency-key",
            metavar="KEY",
            help="idempotency key; repeating it within 24 h returns the same task",
        )
        add_wait(parser, "all tasks have ended")

    def _run(self, workspace_id: UUID, options: Options) -> Any:
        if options["count"] < 1 or (options["count"] > 1 and options["idempotency_key"]):
            self.usage("--count must be at least 1, and 1 with --idempotency-key.")
        spec = _spec(options)
        try:
            ids = self._submit(workspace_id, spec, options)
        except Invalid as error:
            lines = describe_refusal(error)
            if any(each["field"] == "type" for each in error.errors):
                lines.append("`manage.py tasks types` lists the task types.")
            raise CommandError(*lines) from error
        self.say(*map(str, ids[:_IDS_SHOWN]))
        if len(ids) > _IDS_SHOWN:
            self.say(f"… {len(ids)} tasks in all; --json lists every id.")
        body: dict[str, Any] = {"created": len(ids), "ids": ids}
        if options["wait"]:
            states = self._wait(workspace_id, ids, options["wait_timeout"])
            body["states"] = states
            if not have_all_completed(states):
                raise CommandError(describe_states(states), body=Reply(body, ()))
        return Reply(body, ())

    def _submit(self, workspace_id: UUID, spec: TaskSpec, options: Options) -> list[UUID]:
        submitter = terminal_actor().as_submitter
        if options["count"] == 1:
            return [services.submit_task(workspace_id=workspace_id, spec=spec, submitter=submitter)]
        ids: list[UUID] = []
        with self.progress("Submitting", total=options["count"]) as update:
            while len(ids) < options["count"]:
                size = min(settings.TASKPLANE["BULK_MAX"], options["count"] - len(ids))
                ids += services.submit_tasks(
                    workspace_id=workspace_id, specs=[spec] * size, submitter=submitter
                )
                update(completed=len(ids))
        return ids

    def _wait(self, workspace_id: UUID, ids: list[UUID], seconds: float) -> States:
        queue = get_task(workspace_id, ids[0]).queue.name
        if not has_worker(queue):
            self.warn(
                f"No live worker takes tasks of queue {queue}: start one with "
                "`python manage.py worker` (or everything with ./scripts/up)."
            )
        states = wait_for_tasks(self, workspace_id, ids, seconds=seconds)
        self.say(describe_states(states))
        if len(ids) == 1 and not self.is_json:
            task = get_task(workspace_id, ids[0])
            result = represent_value("result", task.result, None)
            error = represent_value("error", task.error, None)
            self.write_json(error if result is None else result)
        return states


def _spec(options: Options) -> TaskSpec:
    values = {name: options[name] for name in ("type", "depends_on", "idempotency_key", *_FIELDS)}
    return TaskSpec(
        **values,
        payload=json_object(options["payload"], option="--payload"),
        delay_ms=options["delay"],
    )
