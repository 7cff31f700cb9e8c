"""`manage.py workflows`: define and run workflows, show runs, decide approvals."""

from argparse import ArgumentParser, ArgumentTypeError
from functools import partial
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options, Reply, Subcommands
from controlplane.core.console.derived import add_options, read_options
from controlplane.core.console.options import (
    JSON_HELP,
    add_limit,
    add_wait,
    identifier,
    read_json,
    whole_number,
)
from controlplane.core.console.output import EXIT_TIMEOUT, CommandError
from controlplane.core.console.polling import poll
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.errors import NotFound
from controlplane.core.ids import parse_uuid
from controlplane.core.schema import represent, represent_row
from controlplane.core.strictjson import BODY_EXTRA_DEPTH
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from controlplane.workspaces.idempotency import run_once
from workflows import authoring, queries, runs
from workflows.management import tables
from workflows.schema.runs import MAX_COMMENT_LENGTH, Run, RunDetail, WorkflowRunFilter
from workflows.schema.workflows import (
    Validation,
    Workflow,
    WorkflowChange,
    WorkflowFilter,
    WorkflowSummary,
)
from workflows.states import ENDED_RUNS, RunState

_POLL_SECONDS = 0.2
_MAX_VERSION = 999_999_999
_EXAMPLES = """\
  manage.py workflows validate order.json
  manage.py workflows create order.json
  manage.py workflows update Order order.json
  manage.py workflows execute Order --input '{"total": 120}' --wait
  manage.py workflows execute Order --input @input.json
  manage.py workflows status Order
  manage.py workflows approve 019ab1c2-7d3e-7f00-8000-1f2e3d4c5b6a look \\
      --comment 'fine'"""
_RETRY = "Retry the failed and cancelled steps of a run."
_RERUN = "Start a run of the newest version with the input of a run."


class Command(WorkspaceCommand):
    """A workflow is given by its name or its id. Changes are audited."""

    help = "Define workflows, run them, look at runs, retry and cancel them, decide approvals."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        self._add_definitions(subcommands)
        self._add_runs(subcommands)

    def _add_definitions(self, subcommands: Subcommands) -> None:
        add = subcommands.add
        listing = add(
            "list", self._list, "List workflows, newest first.", show=tables.show_workflows
        )
        add_options(listing, WorkflowFilter)
        add_limit(listing)
        show = add("show", self._show, "Show a definition as JSON.")
        validate = add("validate", self._validate, "Check a definition without storing it.")
        create = add("create", self._create, "Store a workflow.", effect=Effect.MAKES)
        update = add(
            "update", self._update, "Store a new version; runs keep theirs.", effect=Effect.MAKES
        )
        delete = add(
            "delete", self._delete, "Delete a workflow; its runs are kept.", effect=Effect.ENDS
        )
        for each in (show, update, delete):
            _add_workflow(each)
        for each in (validate, create, update):
            each.add_argument("file", help="file with the definition as JSON; - is standard input")
        show.add_argument(
            "--version",
            type=whole_number(1, _MAX_VERSION),
            metavar="N",
            help="an older version (default: the newest)",
        )
        _add_idempotency_key(create, "workflow")

    def _add_runs(self, subcommands: Subcommands) -> None:
        add = subcommands.add
        execute = add(
            "execute", self._execute, "Start a run.", show=tables.show_run, effect=Effect.MAKES
        )
        _add_workflow(execute)
        execute.add_argument("--input", default="{}", metavar="JSON", help=JSON_HELP)
        _add_idempotency_key(execute, "run")
        runs = add(
            "runs", self._runs, "List runs, newest first.", can_watch=True, show=tables.show_runs
        )
        runs.add_argument("workflow", nargs="?", help="name or id (default: all workflows)")
        add_options(runs, WorkflowRunFilter)
        add_limit(runs)
        status = add(
            "status",
            self._status,
            "Show a run, or the newest run of a workflow, with its steps.",
            can_watch=True,
            show=tables.show_run,
        )
        status.add_argument("target", help="id of a run, or name or id of a workflow")
        cancel, retry, rerun, approve, reject = (
            add(name, run, summary, show=tables.show_run, effect=effect)
            for name, run, summary, effect in (
                ("cancel", self._cancel, "Cancel a run.", Effect.ENDS),
                ("retry", self._retry, _RETRY, Effect.ENDS),
                ("rerun", self._rerun, _RERUN, Effect.MAKES),
                ("approve", partial(self._decide, True), "Approve a step.", Effect.ENDS),
                ("reject", partial(self._decide, False), "Reject a step.", Effect.ENDS),
            )
        )
        for each in (cancel, retry, rerun, approve, reject):
            each.add_argument("run", type=identifier, help="id of the run")
        rerun.add_argument("--input", metavar="JSON", help=f"replaces the input: {JSON_HELP}")
        for each in (execute, retry, rerun):
            add_wait(each, "the run has ended")
        for each in (approve, reject):
            each.add_argument("step", help="key of the step")
            each.add_argument("--comment", default="", type=_comment, help="kept with the decision")

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(WorkflowFilter, options)
        workflows = queries.list_workflows(workspace_id, wanted.search)[: options["limit"]]
        return [represent_row(WorkflowSummary, each, None) for each in workflows]

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        workflow = queries.get_workflow(workspace_id, options["workflow"])
        return represent(Workflow, queries.get_version(workflow, options["version"]), None)

    def _validate(self, workspace_id: UUID, options: Options) -> Any:
        body = _definition(options["file"])
        validation = authoring.validate_workflow(workspace_id=workspace_id, body=body)
        checked = represent(Validation, validation, None)
        return Reply(checked, [f"In order: {' → '.join(checked['order'])}"])

    def _create(self, workspace_id: UUID, options: Options) -> Any:
        body = _definition(options["file"])
        workflow_id, _ = run_once(
            lambda: (
                authoring.create_workflow(
                    workspace_id=workspace_id, body=body, actor=terminal_actor()
                ).id
            ),
            workspace_id=workspace_id,
            key=options["idempotency_key"],
            asked=("workflow", body),
        )
        return _describe_workflow(authoring.get_created(workspace_id, workflow_id))

    def _update(self, workspace_id: UUID, options: Options) -> Any:
        old = queries.get_workflow(workspace_id, options["workflow"])
        workflow = authoring.update_workflow(
            workspace_id=workspace_id,
            workflow_id=old.id,
            body=_definition(options["file"]),
            actor=terminal_actor(),
        )
        return _describe_workflow(workflow)

    def _delete(self, workspace_id: UUID, options: Options) -> Any:
        workflow = queries.get_workflow(workspace_id, options["workflow"])
        text = "It cannot be started any more. Its runs are kept."
        self.look_twice(Look(f"Delete the workflow {workflow.name}", text), options)
        authoring.delete_workflow(
            workspace_id=workspace_id, workflow_id=workflow.id, actor=terminal_actor()
        )
        return Reply({"deleted": workflow.id}, [f"{workflow.name} is deleted; its runs are kept."])

    def _execute(self, workspace_id: UUID, options: Options) -> Any:
        workflow = queries.get_workflow(workspace_id, options["workflow"])
        value = read_json(options["input"], "--input", is_inline=True)
        run_id, _ = run_once(
            lambda: (
                runs.execute_workflow(
                    workspace_id=workspace_id,
                    workflow_id=workflow.id,
                    input=value,
                    actor=terminal_actor(),
                ).id
            ),
            workspace_id=workspace_id,
            key=options["idempotency_key"],
            asked=("run", workflow.id, value),
        )
        return self._follow(workspace_id, run_id, options)

    def _rerun(self, workspace_id: UUID, options: Options) -> Any:
        old = queries.get_run(workspace_id, options["run"])
        text = options["input"]
        run = runs.execute_workflow(
            workspace_id=workspace_id,
            workflow_id=old.workflow_id,
            input=old.input if text is None else read_json(text, "--input", is_inline=True),
            actor=terminal_actor(),
            rerun_of=old.id,
        )
        return self._follow(workspace_id, run.id, options)

    def _runs(self, workspace_id: UUID, options: Options) -> Any:
        workflow_id = None
        if options["workflow"]:
            workflow_id = queries.get_workflow(workspace_id, options["workflow"]).id
        states = read_options(WorkflowRunFilter, options).statuses
        rows = list(queries.list_runs(workspace_id, workflow_id, states)[: options["limit"]])
        return [represent_row(Run, row, None) for row in queries.describe_rows(rows)]

    def _status(self, workspace_id: UUID, options: Options) -> Any:
        return _describe_run(workspace_id, _find_run(workspace_id, options["target"]).id)

    def _cancel(self, workspace_id: UUID, options: Options) -> Any:
        text = "Tasks that wait end at once, tasks that run are asked to stop."
        self.look_twice(Look(f"Cancel the run {options['run']}", text), options)
        runs.cancel_run(workspace_id=workspace_id, run_id=options["run"], actor=terminal_actor())
        return _describe_run(workspace_id, options["run"])

    def _retry(self, workspace_id: UUID, options: Options) -> Any:
        text = "Its failed and cancelled steps, and those that wait for them, run again."
        self.look_twice(Look(f"Retry the run {options['run']}", text), options)
        runs.retry_run(workspace_id=workspace_id, run_id=options["run"], actor=terminal_actor())
        return self._follow(workspace_id, options["run"], options)

    def _decide(self, approve: bool, workspace_id: UUID, options: Options) -> Any:
        word, text = ("Approve", "The run goes on.") if approve else ("Reject", "The step fails.")
        self.look_twice(Look(f"{word} the step {options['step']}", text), options)
        runs.decide_step(
            workspace_id=workspace_id,
            run_id=options["run"],
            step_key=options["step"],
            approve=approve,
            comment=options["comment"],
            actor=terminal_actor(),
        )
        return _describe_run(workspace_id, options["run"])

    def _follow(self, workspace_id: UUID, run_id: UUID, options: Options) -> Any:
        """The id of the run; with --wait, its end. Raises CommandError unless it is COMPLETED."""
        if not options["wait"]:
            run = queries.get_run(workspace_id, run_id)
            return Reply({"runId": run.id, "status": run.state}, [str(run_id)])
        run = self._wait_for(workspace_id, run_id, options["wait_timeout"])
        body = _describe_run(workspace_id, run_id)
        if run.state != RunState.COMPLETED:
            raise CommandError(f"The run is {run.state}.", body=body)
        return body

    def _wait_for(self, workspace_id: UUID, run_id: UUID, seconds: float) -> Any:
        with self.progress("Running") as update:
            run, has_ended = poll(
                lambda: queries.get_run(workspace_id, run_id),
                until=lambda run: run.state in ENDED_RUNS,
                seconds=seconds,
                every=_POLL_SECONDS,
                show=lambda run: update(
                    total=run.steps_total, completed=run.steps_ended, note=run.state
                ),
            )
        if not has_ended:
            raise CommandError(
                f"Waited {seconds:g} s; {run.steps_ended} of {run.steps_total} steps have ended. "
                f"`manage.py workflows status {run_id}` says more.",
                returncode=EXIT_TIMEOUT,
            )
        return run


def _add_workflow(parser: ArgumentParser) -> None:
    parser.add_argument("workflow", help="name or id of the workflow")


def _add_idempotency_key(parser: ArgumentParser, noun: str) -> None:
    parser.add_argument(
        "--idempotency-key",
        metavar="KEY",
        help=f"idempotency key; repeating it within 24 h returns the same {noun}",
    )


def _comment(text: str) -> str:
    if len(text) > MAX_COMMENT_LENGTH:
        raise ArgumentTypeError(f"use at most {MAX_COMMENT_LENGTH} characters")
    return text


def _definition(file: str) -> dict[str, Any]:
    body = read_json(file, "The definition", extra_depth=BODY_EXTRA_DEPTH)
    return WorkflowChange.read(body).definition


def _find_run(workspace_id: UUID, target: str) -> Any:
    """The run of this id, or the newest of the workflow of this id or name."""
    try:
        run = queries.list_runs(workspace_id).filter(id=parse_uuid(target)).first()
    except ValueError:
        run = None
    if run is not None:
        return run
    workflow = queries.get_workflow(workspace_id, target)
    run = queries.get_newest_run(workspace_id, workflow.id)
    if run is None:
        raise NotFound(f"The workflow {workflow.name!r} has not run yet.")
    return run


def _describe_workflow(workflow: Any) -> Reply:
    return Reply(
        represent(Workflow, queries.get_version(workflow), None),
        [f"{workflow.id} {workflow.name} version {workflow.version}"],
    )


def _describe_run(workspace_id: UUID, run_id: UUID) -> Any:
    page = queries.describe_page(queries.get_run(workspace_id, run_id))
    return represent(RunDetail, page, None)
