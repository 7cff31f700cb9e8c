"""`manage.py cron`: look at schedules, make, fire, pause, resume and remove them."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from controlplane.core.clock import now
from controlplane.core.console import Table, facts_table
from controlplane.core.errors import Invalid, NotFound
from controlplane.core.ids import parse_uuid
from controlplane.core.names import canonical_name
from controlplane.core.schema import represent, represent_row
from controlplane.core.times import parse_time
from controlplane.schedules import beat, editing, queries, triggering
from controlplane.schedules.queries import describe_timing, next_times, parse_checked
from controlplane.schedules.schema import MAX_PREVIEWED, Execution, Job, PreviewTime
from controlplane.schedules.states import FiringState, Overlap
from tasks_app.management.terminal import (
    TerminalCommand,
    common_options,
    duration_ms,
    json_object,
    terminal_actor,
    workspace_of,
)
from workflows.queries import get_workflow

_EXAMPLES = """\
  manage.py cron preview "0 2 * * *" --timezone Europe/Berlin --count 5
  manage.py cron create Nightly "0 2 * * *" --timezone Europe/Berlin --type cleanup
  manage.py cron create Hourly "@every 1h" --workflow Order --payload '{"total": 5}' --catch-up
  manage.py cron trigger Nightly
  manage.py cron executions Nightly --status FAILED,SKIPPED --json"""
_MOST_SHOWN = 10_000
_NEXT_SHOWN = 5


class Command(TerminalCommand):
    """One verb each. A schedule is named by its name or its id."""

    help = "List, show, preview, create, trigger, pause, resume and remove schedules."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        common = [common_options()]
        listing = verbs.add_parser("list", parents=common, help="with next time and last firing")
        listing.add_argument("--search", default="", help="a part of the name or type")
        listing.add_argument("--limit", type=int, default=100, help="how many (default 100)")
        _add_preview_options(verbs.add_parser("preview", parents=common, help="the next times"))
        _add_create_options(verbs.add_parser("create", parents=common, help="a new schedule"))
        for verb, what in (
            ("show", "one, with its next times"),
            ("trigger", "fire it now, paused or not"),
            ("pause", "fire nothing until it is resumed"),
            ("resume", "go on; times of the pause are not made up for"),
            ("remove", "with its firings; tasks and runs stay"),
        ):
            each = verbs.add_parser(verb, parents=common, help=what)
            each.add_argument("job", help="its name or id")
        firings = verbs.add_parser("executions", parents=common, help="its firings, newest first")
        firings.add_argument("job", help="its name or id")
        firings.add_argument("--status", default="", help="comma-separated list")
        firings.add_argument("--limit", type=int, default=20, help="how many (default 20)")

    def run_command(self, options: dict[str, Any]) -> None:
        verb = options["verb"]
        if not 1 <= options.get("limit", 1) <= _MOST_SHOWN:
            self.usage(f"--limit must be from 1 to {_MOST_SHOWN}.")
        if verb == "preview":
            self._preview(options)
            return
        run = {
            "list": self._list,
            "show": self._show,
            "create": self._create,
            "trigger": self._trigger,
            "remove": self._remove,
            "executions": self._executions,
        }.get(verb, self._set_enabled)
        run(workspace_of(options), options)

    def _list(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        found = queries.list_schedules(workspace_id, search=options["search"]).order_by("name")
        jobs = [
            represent_row(Job, row, None)
            for row in queries.describe_jobs(list(found[: options["limit"]]))
        ]
        if options["json"]:
            self.write_json(jobs)
            return
        table = Table("name", "schedule", "starts", "next", "last", "success", "source")
        for job in jobs:
            last = job["lastExecution"] or {}
            rate = job["successRate"]
            table.add_row(
                job["name"],
                job["words"] or f"{job['schedule']}: {job['problem']}",
                _work_of(job),
                (job["nextAt"] or "never") if job["enabled"] else "paused",
                last.get("status", "-"),
                "-" if rate is None else f"{rate:.0%}",
                job["source"],
            )
        self.console().print(table if jobs else "There is no schedule yet.")

    def _show(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        schedule = _find(workspace_id, options["job"])
        job = _represent(schedule)
        times = []
        if job["enabled"] and not job["problem"]:
            times = next_times(beat.read_timing(schedule), after=now(), count=_NEXT_SHOWN)
        upcoming = [represent(PreviewTime, time, None) for time in times]
        if options["json"]:
            self.write_json({**job, "times": upcoming})
            return
        self._tell(job)
        for each in upcoming:
            self.stdout.write(f"next: {each['utc']}  {each['local']}")

    def _preview(self, options: dict[str, Any]) -> None:
        if not 1 <= options["count"] <= MAX_PREVIEWED:
            self.usage(f"--count must be from 1 to {MAX_PREVIEWED}.")
        at = now()
        timing = parse_checked(options["schedule"], options["timezone"], at=at)
        found = next_times(timing, after=at, count=options["count"])
        times = [represent(PreviewTime, time, None) for time in found]
        shown = describe_timing(timing)
        if options["json"]:
            self.write_json({**shown, "times": times})
            return
        self.stdout.write(str(shown["words"]))
        if shown["note"]:
            self.stdout.write(f"note: {shown['note']}")
        for each in times:
            self.stdout.write(f"{each['utc']}  {each['local']}")
        if len(times) < options["count"]:
            self.stdout.write("There are no more.")

    def _create(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        job, _ = editing.create_schedule(
            workspace_id=workspace_id,
            values=_values_of(workspace_id, options),
            actor=terminal_actor(),
        )
        self._answer(_represent(job), options)

    def _set_enabled(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        job = editing.update_schedule(
            workspace_id=workspace_id,
            schedule_id=_find(workspace_id, options["job"]).id,
            changes={"enabled": options["verb"] == "resume"},
            actor=terminal_actor(),
        )
        self._answer(_represent(job), options)

    def _trigger(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        firing = triggering.trigger_schedule(
            workspace_id=workspace_id,
            schedule_id=_find(workspace_id, options["job"]).id,
            actor=terminal_actor(),
        )
        self._answer(represent(Execution, firing, None), options)

    def _remove(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        job = _find(workspace_id, options["job"])
        editing.delete_schedule(
            workspace_id=workspace_id, schedule_id=job.id, actor=terminal_actor()
        )
        if options["json"]:
            self.write_json({"removed": job.id})
        else:
            self.stdout.write(f"Removed {job.name}.")

    def _executions(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        states = [state for state in options["status"].upper().split(",") if state]
        if wrong := sorted(set(states) - set(FiringState.values)):
            self.usage(f"--status: {wrong[0]} is none of {', '.join(FiringState.values)}.")
        job = _find(workspace_id, options["job"])
        firings = queries.list_firings(workspace_id, job.id, states=states)
        newest = firings.order_by("-scheduled_for", "-id")[: options["limit"]]
        shown = [represent_row(Execution, firing, None) for firing in newest]
        if options["json"]:
            self.write_json(shown)
            return
        table = Table(
            "scheduled for", "kind", "status", "late (ms)", "took (ms)", "task or run", ""
        )
        for each in shown:
            table.add_row(
                each["scheduledFor"],
                each["kind"],
                each["status"] + (f" ({each['skipReason']})" if each["skipReason"] else ""),
                _text(each["lateMs"]),
                _text(each["durationMs"]),
                _text(each["taskId"] or each["runId"]),
                each["detail"]
                if each["times"] == 1
                else f"{each['times']} times: {each['detail']}",
            )
        nothing = "It has no such firing." if states else "It has not fired yet."
        self.console().print(table if shown else nothing)

    def _answer(self, body: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.write_json(body)
        else:
            self._tell(body)

    def _tell(self, body: dict[str, Any]) -> None:
        table = facts_table()
        for name, value in body.items():
            if value not in (None, "", {}):
                table.add_row(name, _in_short(value) if name == "lastExecution" else str(value))
        self.console().print(table)


def _in_short(execution: dict[str, Any]) -> str:
    return f"{execution['status']}, {execution['scheduledFor']}: {execution['detail']}"


def _find(workspace_id: UUID, text: str) -> Any:
    try:
        return queries.get_schedule(workspace_id, parse_uuid(text))
    except ValueError:
        found = (
            queries.list_schedules(workspace_id)
            .filter(name__in=[text, canonical_name(text)])
            .first()
        )
    if found is None:
        raise NotFound(f"There is no schedule {text!r}.")
    return found


def _add_preview_options(parser: ArgumentParser) -> None:
    parser.add_argument("schedule", help='such as "0 2 * * *", @daily, "@every 15m"')
    parser.add_argument("--timezone", default="UTC", help="such as Europe/Berlin (default UTC)")
    parser.add_argument("--count", type=int, default=10, help=f"1 to {MAX_PREVIEWED} (default 10)")


def _add_create_options(parser: ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("schedule", help='such as "0 2 * * *", @daily, "@every 15m"')
    parser.add_argument("--timezone", default="UTC", help="such as Europe/Berlin (default UTC)")
    parser.add_argument("--type", help="the task type to submit")
    parser.add_argument("--workflow", help="or the workflow to run: its name or id")
    parser.add_argument(
        "--payload", default="{}", metavar="JSON", help="also a run's input; @file, - for stdin"
    )
    parser.add_argument("--paused", action="store_true", help="begin paused")
    parser.add_argument("--overlap", choices=Overlap.values, default=Overlap.SKIP.value)
    parser.add_argument("--catch-up", action="store_true", help="fire missed times afterwards")
    parser.add_argument("--catch-up-max", type=int, default=10, metavar="N")
    parser.add_argument("--jitter", type=duration_ms, default=0, help="up to so much later: 30s")
    parser.add_argument("--start-at", metavar="TIME", help="not before: 2030-01-31T08:00:00Z")
    parser.add_argument("--end-at", metavar="TIME", help="before")
    parser.add_argument("--queue", default="")
    parser.add_argument("--priority", type=int, default=0)
    parser.add_argument("--max-attempts", type=int)


def _values_of(workspace_id: UUID, options: dict[str, Any]) -> dict[str, Any]:
    workflow = options["workflow"]
    return {
        "name": options["name"],
        "schedule": options["schedule"],
        "timezone": options["timezone"],
        "task_type": options["type"] or "",
        "workflow_id": get_workflow(workspace_id, workflow).id if workflow else None,
        "payload": json_object(options["payload"], option="--payload"),
        "enabled": not options["paused"],
        "overlap": options["overlap"],
        "catch_up": options["catch_up"],
        "catch_up_max": options["catch_up_max"],
        "jitter_ms": options["jitter"],
        "start_at": _time(options, "start_at"),
        "end_at": _time(options, "end_at"),
        "queue": options["queue"],
        "priority": options["priority"],
        "max_attempts": options["max_attempts"],
    }


def _time(options: dict[str, Any], name: str) -> Any:
    if options[name] is None:
        return None
    try:
        return parse_time(options[name])
    except ValueError as error:
        option = f"--{name.replace('_', '-')}"
        raise Invalid(errors=[{"field": option, "message": str(error)}]) from error


def _work_of(job: dict[str, Any]) -> str:
    work: Sequence[Any] = (job["taskType"], job["workflowId"], job["celeryTask"])
    return next((str(each) for each in work if each), "-")


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _represent(schedule: Any) -> dict[str, Any]:
    return represent(Job, queries.describe_jobs([schedule])[0], None)
