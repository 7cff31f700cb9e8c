"""`manage.py cron`: show, create, trigger, pause, resume and remove schedules."""

from argparse import ArgumentParser
from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.console.command import Options, Reply, Subcommands
from controlplane.core.console.derived import add_fields, add_options, read_options
from controlplane.core.console.options import (
    JSON_HELP,
    add_limit,
    duration_ms,
    json_object,
)
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.errors import NotFound
from controlplane.core.ids import parse_uuid
from controlplane.core.names import canonical_name
from controlplane.core.schema import represent, represent_row
from controlplane.ops.schedules import beat, editing, queries, triggering
from controlplane.ops.schedules.management import tables
from controlplane.ops.schedules.queries import describe_timing, next_times, parse_checked
from controlplane.ops.schedules.schema import (
    DEFAULT_PREVIEWED,
    Execution,
    ExecutionFilter,
    Job,
    JobFilter,
    JobIn,
    PreviewFilter,
    PreviewTime,
)
from controlplane.ops.schedules.undo import change_schedule
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor
from workflows.queries import get_workflow

_TIMES_SHOWN = 5
_SCHEDULE = 'such as "0 2 * * *", @daily, "@every 15m"'
# Fields of a job that are options of `create` as they are.
_FIELDS = (
    "task_type", "timezone", "overlap", "catch_up", "catch_up_max", "start_at", "end_at", "queue",
    "priority", "max_attempts",
)  # fmt: skip
_EXAMPLES = """\
  manage.py cron preview "0 2 * * *" --timezone Europe/Berlin --count 5
  manage.py cron create Nightly "0 2 * * *" --timezone Europe/Berlin \\
      --task-type cleanup
  manage.py cron create Hourly "@every 1h" --workflow Order \\
      --payload '{"total": 5}' --catch-up
  manage.py cron trigger Nightly
  manage.py cron executions Nightly --status FAILED,SKIPPED --json"""


class Command(WorkspaceCommand):
    """A schedule is given by its name or its id. Changes are audited."""

    help = "List, show, preview, create, trigger, pause, resume and remove schedules."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = self.add_subcommands(parser)
        add = subcommands.add
        listing = add(
            "list",
            self._list,
            "List schedules with their next times.",
            can_watch=True,
            show=tables.show_jobs,
        )
        add_options(listing, JobFilter)
        add_limit(listing, default=100)
        preview = add("preview", self._preview, "Show the next times of an expression.")
        create = add(
            "create", self._create, "Create a schedule.", show=tables.show_job, effect=Effect.MAKES
        )
        show = add(
            "show",
            self._show,
            "Show a schedule with its next times.",
            can_watch=True,
            show=tables.show_job,
        )
        actions = self._add_actions(subcommands)
        executions = add(
            "executions",
            self._executions,
            "List executions, newest first.",
            can_watch=True,
            show=tables.show_executions,
        )
        preview.add_argument("schedule", help=_SCHEDULE)
        add_options(preview, PreviewFilter, skip=["schedule"])
        _add_create_options(create)
        for each in (show, *actions, executions):
            each.add_argument("job", help="name or id of the schedule")
        add_options(executions, ExecutionFilter)
        add_limit(executions)

    def _add_actions(self, subcommands: Subcommands) -> list[ArgumentParser]:
        add = subcommands.add
        trigger = add(
            "trigger",
            self._trigger,
            "Fire a schedule now, even if it is paused.",
            show=tables.show_execution,
            effect=Effect.ENDS,
        )
        pause = add(
            "pause",
            partial(self._set_enabled, False),
            "Pause a schedule until it is resumed.",
            show=tables.show_job,
            effect=Effect.UNDONE,
        )
        resume = add(
            "resume",
            partial(self._set_enabled, True),
            "Resume a schedule; times of the pause are not caught up.",
            show=tables.show_job,
            effect=Effect.UNDONE,
        )
        remove = add(
            "remove",
            self._remove,
            "Remove a schedule; its tasks and runs are kept.",
            effect=Effect.ENDS,
        )
        return [trigger, pause, resume, remove]

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(JobFilter, options)
        found = queries.list_schedules(workspace_id, **asdict(wanted)).order_by("name")
        jobs = queries.describe_jobs(list(found[: options["limit"]]))
        return [represent_row(Job, job, None) for job in jobs]

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        schedule = _find(workspace_id, options["job"])
        job = _describe_job(schedule)
        times = []
        if job["enabled"] and not job["problem"]:
            times = next_times(beat.read_timing(schedule), after=now(), count=_TIMES_SHOWN)
        return {**job, "times": _describe_times(times)}

    def _preview(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(PreviewFilter, options)
        at, count = now(), wanted.count or DEFAULT_PREVIEWED
        timing = parse_checked(wanted.schedule, wanted.timezone, at=at)
        times = _describe_times(next_times(timing, after=at, count=count))
        body = {**describe_timing(timing), "times": times}
        return Reply(body, tables.describe_preview(body, count))

    def _create(self, workspace_id: UUID, options: Options) -> Any:
        job = editing.create_schedule(
            workspace_id=workspace_id,
            values=_values_of(workspace_id, options),
            actor=terminal_actor(),
        )
        return _describe_job(job)

    def _set_enabled(self, enabled: bool, workspace_id: UUID, options: Options) -> Any:
        job = _find(workspace_id, options["job"])
        undone = change_schedule(job, terminal_actor(), {"enabled": enabled})
        if undone["before"] != undone["after"]:
            self.offer_undo("schedules", {"schedules": [undone]})
        return _describe_job(queries.get_schedule(workspace_id, job.id))

    def _trigger(self, workspace_id: UUID, options: Options) -> Any:
        job = _find(workspace_id, options["job"])
        text = "What it starts runs now, beside what its times start."
        self.look_twice(Look(f"Fire the schedule {job.name}", text), options)
        firing = triggering.trigger_schedule(
            workspace_id=workspace_id,
            schedule_id=job.id,
            actor=terminal_actor(),
        )
        return represent(Execution, firing, None)

    def _remove(self, workspace_id: UUID, options: Options) -> Any:
        job = _find(workspace_id, options["job"])
        text = "It fires no more, and its history is removed. Its tasks and runs are kept."
        self.look_twice(Look(f"Remove the schedule {job.name}", text), options)
        editing.delete_schedule(
            workspace_id=workspace_id, schedule_id=job.id, actor=terminal_actor()
        )
        return Reply({"removed": job.id}, [f"Removed {job.name}."])

    def _executions(self, workspace_id: UUID, options: Options) -> Any:
        job = _find(workspace_id, options["job"])
        wanted = read_options(ExecutionFilter, options)
        firings = queries.list_firings(
            workspace_id, job.id, states=wanted.states, kinds=wanted.kinds
        )
        newest = firings.order_by("-scheduled_for", "-id")[: options["limit"]]
        return [represent_row(Execution, each, None) for each in newest]


def _describe_job(schedule: Any) -> dict[str, Any]:
    return represent(Job, queries.describe_jobs([schedule])[0], None)


def _describe_times(times: Any) -> list[dict[str, Any]]:
    return [represent(PreviewTime, time, None) for time in times]


def _find(workspace_id: UUID, text: str) -> Any:
    try:
        return queries.get_schedule(workspace_id, parse_uuid(text))
    except ValueError:
        names = [text, canonical_name(text)]
        schedule = queries.list_schedules(workspace_id).filter(name__in=names).first()
    if schedule is None:
        raise NotFound(f"There is no schedule {text!r}.")
    return schedule


def _add_create_options(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="name of the schedule")
    parser.add_argument("schedule", help=_SCHEDULE)
    add_fields(parser, JobIn, *_FIELDS, aliases={"task_type": "--type"})
    parser.add_argument(
        "--workflow", "--workflow-id", help="or the workflow to run: its name or id"
    )
    parser.add_argument(
        "--payload", default="{}", metavar="JSON", help=f"payload or input: {JSON_HELP}"
    )
    parser.add_argument("--paused", action="store_true", help="create it paused")
    parser.add_argument(
        "--jitter",
        "--jitter-ms",
        type=duration_ms,
        default=0,
        metavar="DURATION",
        help="maximum random delay: 30s, 5m (default none)",
    )


def _values_of(workspace_id: UUID, options: Options) -> dict[str, Any]:
    workflow = options["workflow"]
    given = ("name", "schedule", *_FIELDS)
    return {
        **{name: options[name] for name in given if options[name] is not None},
        "workflow_id": get_workflow(workspace_id, workflow).id if workflow else None,
        "payload": json_object(options["payload"], option="--payload"),
        "enabled": not options["paused"],
        "jitter_ms": options["jitter"],
    }
