"""`manage.py workflows`: define workflows, run them, look at runs, decide."""

import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from controlplane.core.commands import CommandError
from controlplane.core.console import Table
from controlplane.core.errors import NotFound
from controlplane.core.ids import parse_uuid
from controlplane.core.schema import represent, represent_row
from controlplane.core.strictjson import BODY_EXTRA_DEPTH
from tasks_app.management.terminal import (
    EXIT_REFUSED,
    EXIT_TIMEOUT,
    TerminalCommand,
    progress_bar,
    read_json,
    terminal_actor,
    workspace_of,
)
from workflows import authoring, queries, runs
from workflows.management.options import add_verbs
from workflows.schema.runs import Run, RunDetail
from workflows.schema.workflows import Validation, Workflow, WorkflowChange, WorkflowSummary
from workflows.states import ENDED_RUNS, RunState

_POLL_SECONDS = 0.2
_EXAMPLES = """\
  manage.py workflows validate order.json
  manage.py workflows create order.json
  manage.py workflows update Order order.json
  manage.py workflows execute Order --input '{"total": 120}' --wait
  manage.py workflows execute Order --input @input.json
  manage.py workflows status Order
  manage.py workflows approve 019ab1c2-7d3e-7f00-8000-1f2e3d4c5b6a look --comment 'fine'"""


class Command(TerminalCommand):
    """One verb each."""

    help = "Define workflows, run them, look at runs, retry and cancel them, decide approvals."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_verbs(parser)

    def run_command(self, options: dict[str, Any]) -> None:
        run = getattr(self, f"_{options['verb']}")
        run(workspace_of(options), options)

    def _list(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        found = queries.list_workflows(workspace_id, options["search"])[: options["limit"]]
        shown = [represent_row(WorkflowSummary, each, None) for each in found]
        if options["json"]:
            self.write_json(shown)
            return
        names = ("id", "name", "version", "updatedAt", "createdBy")
        self._print_table(names, shown, "No workflow is defined.")

    def _show(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        workflow = queries.get_workflow(workspace_id, options["workflow"])
        version = queries.get_version(workflow, options["version"])
        self.write_json(represent(Workflow, version, None))

    def _validate(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        body = _definition(options["file"])
        found = authoring.validate_workflow(workspace_id=workspace_id, body=body)
        checked = represent(Validation, found, None)
        if options["json"]:
            self.write_json(checked)
        else:
            self.stdout.write(f"In order: {' → '.join(checked['order'])}")

    def _create(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        workflow, _ = authoring.create_workflow(
            workspace_id=workspace_id,
            body=_definition(options["file"]),
            actor=terminal_actor(),
            key=options["idempotency_key"],
        )
        self._tell_workflow(workflow, options)

    def _update(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        old = queries.get_workflow(workspace_id, options["workflow"])
        workflow = authoring.update_workflow(
            workspace_id=workspace_id,
            workflow_id=old.id,
            body=_definition(options["file"]),
            actor=terminal_actor(),
        )
        self._tell_workflow(workflow, options)

    def _delete(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        workflow = queries.get_workflow(workspace_id, options["workflow"])
        authoring.delete_workflow(
            workspace_id=workspace_id, workflow_id=workflow.id, actor=terminal_actor()
        )
        self.stdout.write(f"{workflow.name} is deleted; its runs stay.")

    def _execute(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        workflow = queries.get_workflow(workspace_id, options["workflow"])
        run, _ = runs.execute_workflow(
            workspace_id=workspace_id,
            workflow_id=workflow.id,
            input=read_json(options["input"], "--input", is_inline=True),
            actor=terminal_actor(),
            key=options["idempotency_key"],
        )
        self._follow(workspace_id, run.id, options)

    def _rerun(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        old = queries.get_run(workspace_id, options["run"])
        given = options["input"]
        run, _ = runs.execute_workflow(
            workspace_id=workspace_id,
            workflow_id=old.workflow_id,
            input=old.input if given is None else read_json(given, "--input", is_inline=True),
            actor=terminal_actor(),
            rerun_of=old.id,
        )
        self._follow(workspace_id, run.id, options)

    def _runs(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        known = [state.value for state in RunState]
        wanted = [part for text in options["status"] or [] for part in text.split(",")]
        if not set(wanted) <= set(known):
            self.usage(f"--status must be of {', '.join(known)}.")
        workflow_id = None
        if options["workflow"]:
            workflow_id = queries.get_workflow(workspace_id, options["workflow"]).id
        found = list(queries.list_runs(workspace_id, workflow_id, wanted)[: options["limit"]])
        shown = [represent_row(Run, row, None) for row in queries.describe_rows(found)]
        if options["json"]:
            self.write_json(shown)
            return
        names = ("runId", "workflowName", "version", "status", "progress", "createdAt")
        self._print_table(names, shown, "No run matches.")

    def _status(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        run = self._find_run(workspace_id, options["target"])
        self._tell_run(workspace_id, run.id, options)

    def _cancel(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        runs.cancel_run(workspace_id=workspace_id, run_id=options["run"], actor=terminal_actor())
        self._tell_run(workspace_id, options["run"], options)

    def _retry(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        runs.retry_run(workspace_id=workspace_id, run_id=options["run"], actor=terminal_actor())
        self._follow(workspace_id, options["run"], options)

    def _approve(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        runs.decide_step(
            workspace_id=workspace_id,
            run_id=options["run"],
            step_key=options["step"],
            approve=options["verb"] == "approve",
            comment=options["comment"],
            actor=terminal_actor(),
        )
        self._tell_run(workspace_id, options["run"], options)

    _reject = _approve

    def _find_run(self, workspace_id: UUID, target: str) -> Any:
        """The run of this id, or the newest of the workflow of this id or name."""
        known = _as_id(target)
        if known and (run := queries.list_runs(workspace_id).filter(id=known).first()):
            return run
        workflow = queries.get_workflow(workspace_id, target)
        run = queries.get_newest_run(workspace_id, workflow.id)
        if run is None:
            raise NotFound(f"The workflow {workflow.name!r} has not run yet.")
        return run

    def _follow(self, workspace_id: UUID, run_id: UUID, options: dict[str, Any]) -> None:
        """The id of the run; with --wait, what became of it."""
        if not options["wait"]:
            if options["json"]:
                run = queries.get_run(workspace_id, run_id)
                self.write_json({"runId": run.id, "status": run.state})
            else:
                self.stdout.write(str(run_id))
            return
        run = self._wait_for(workspace_id, run_id, options["wait_timeout"])
        self._tell_run(workspace_id, run_id, options)
        if run.state != RunState.COMPLETED:
            raise CommandError(f"The run is {run.state}.", returncode=EXIT_REFUSED)

    def _wait_for(self, workspace_id: UUID, run_id: UUID, seconds: float) -> Any:
        give_up = time.monotonic() + seconds
        with progress_bar(self.console(for_errors=True)) as progress:
            run = queries.get_run(workspace_id, run_id)
            bar = progress.add_task("Running", total=run.steps_total, note="")
            while run.state not in ENDED_RUNS:
                if time.monotonic() > give_up:
                    raise CommandError(
                        f"Waited {seconds:g} s; {run.steps_ended} of {run.steps_total} steps have "
                        f"ended. `manage.py workflows status {run_id}` says more.",
                        returncode=EXIT_TIMEOUT,
                    )
                time.sleep(_POLL_SECONDS)
                run = queries.get_run(workspace_id, run_id)
                progress.update(bar, completed=run.steps_ended, note=run.state)
        return run

    def _tell_workflow(self, workflow: Any, options: dict[str, Any]) -> None:
        if options["json"]:
            self.write_json(represent(Workflow, queries.get_version(workflow), None))
        else:
            self.stdout.write(f"{workflow.id} {workflow.name} version {workflow.version}")

    def _tell_run(self, workspace_id: UUID, run_id: UUID, options: dict[str, Any]) -> None:
        page = queries.describe_page(queries.get_run(workspace_id, run_id))
        shown = represent(RunDetail, page, None)
        if options["json"]:
            self.write_json(shown)
            return
        console = self.console()
        console.print(
            f"{shown['runId']} {shown['workflowName']} version {shown['version']}: "
            f"{shown['status']}, {shown['progress']:g} %",
        )
        rows = [{**step, "tasks": _count(step), "why": _why(step)} for step in shown["steps"]]
        self._print_table(("key", "kind", "status", "tasks", "why"), rows, "It has no steps.")
        if shown["error"]:
            console.print(f"Error: {_explain_error(shown['error'])}")

    def _print_table(self, names: tuple[str, ...], rows: Any, nothing: str) -> None:
        table = Table(*names)
        table.columns[0].no_wrap = True  # for copying
        for row in rows:
            table.add_row(*[str(row[name]) for name in names])
        self.console().print(table if rows else nothing)


def _definition(file: str) -> dict[str, Any]:
    body = read_json(file, "The definition", extra_depth=BODY_EXTRA_DEPTH)
    return WorkflowChange.read(body).definition


def _as_id(text: str) -> UUID | None:
    try:
        return parse_uuid(text)
    except ValueError:
        return None


def _count(step: dict[str, Any]) -> str:
    total = step["tasksTotal"]
    return f"{step['tasksEnded']}/{total}" if total else ""


def _why(step: dict[str, Any]) -> str:
    """In one sentence, why it failed, did not run, or waits."""
    if step["error"]:
        return _explain_error(step["error"])
    if step["reason"]:
        return str(step["reason"].get("message", ""))
    return f"until {step['waitUntil']}" if step["status"] == "WAITING" and step["waitUntil"] else ""


def _explain_error(error: dict[str, Any]) -> str:
    """What failed; of a list also which item, and how many."""
    said = str(error.get("message", ""))
    if "itemsFailed" in error:
        said += f" (item {error['item']}; {error['itemsFailed']} of {error['items']} failed)"
    return said
