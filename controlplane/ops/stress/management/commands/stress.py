"""`manage.py stress`: run, watch, stop and compare stress tests."""

import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any
from uuid import UUID

from controlplane.core.console.command import Options
from controlplane.core.console.derived import add_fields, add_options, read_options
from controlplane.core.console.options import add_limit, add_wait_timeout, identifier
from controlplane.core.console.output import EXIT_TIMEOUT, CommandError
from controlplane.core.console.polling import poll
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.console.tables import Live
from controlplane.core.errors import Conflict
from controlplane.core.schema import represent
from controlplane.ops.stress import control, queries
from controlplane.ops.stress.management import tables
from controlplane.ops.stress.schema import Comparison, StressFilter, StressTest, StressTestDetail
from controlplane.ops.stress.spec import QUEUE, StressTestSpec, make_spec
from controlplane.ops.stress.states import ENDED, StressState, Verdict
from controlplane.workspaces.console import WorkspaceCommand, terminal_actor

_POLL_SECONDS = 0.5
_STARTS_WITHIN_SECONDS = 15.0
_TASKS = "number of tasks, up to STRESS_MAX_TASKS (default %(default)s)"
_NOT_STARTED = "No dispatcher has started the test yet: is `manage.py dispatch` running?"
_EXAMPLES = """\
  manage.py stress run --tasks 1500 --duration-ms 3000     many waits at once
  manage.py stress run --tasks 5000 --failure-rate 0.02 --dependent-share 0.3
  manage.py stress run --tasks 200 --type cpu --duration-ms 250 \\
      --rate-per-second 50 --json
  manage.py stress list --status DONE
  manage.py stress show 018f6f2e-0000-7000-8000-000000000000
  manage.py stress compare 018f6f2e-0000-7000-8000-000000000001 \\
      018f6f2e-0000-7000-8000-000000000000"""


class Command(WorkspaceCommand):
    """Changes are audited."""

    help = "Put a bounded load on the queue `stress`, and get a verdict on how it was handled."
    examples = _EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = self.add_subcommands(parser).add
        begin = add(
            "run",
            self._run,
            "Start a test, and watch it to its end.",
            show=tables.show_test,
            effect=Effect.MAKES,
        )
        begin.add_argument("--tasks", type=int, default=1_000, metavar="N", help=_TASKS)
        others = [name for name in StressTestSpec.model_fields if name != "tasks"]
        add_fields(begin, StressTestSpec, *others)
        begin.add_argument("--yes", action="store_true", help="start it in production, too")
        add_wait_timeout(begin, default="1d")
        listing = add(
            "list", self._list, "List tests, newest first.", can_watch=True, show=tables.show_tests
        )
        add_options(listing, StressFilter)
        add_limit(listing, maximum=1_000)
        show = add(
            "show",
            self._show,
            "Show a test with its report.",
            can_watch=True,
            show=tables.show_test,
        )
        stop = add("stop", self._stop, "Stop a test.", show=tables.show_test, effect=Effect.ENDS)
        compare = add("compare", self._compare, "Compare two tests.", show=tables.show_comparison)
        for each in (show, stop, compare):
            each.add_argument("id", type=identifier, help="id of the test")
        compare.add_argument("other", type=identifier, help="id of the test to compare it with")

    def _run(self, workspace_id: UUID, options: Options) -> Any:
        test = control.start_test(
            workspace_id=workspace_id,
            spec=make_spec(**{name: options[name] for name in StressTestSpec.model_fields}),
            actor=terminal_actor(),
            confirm=QUEUE if options["yes"] else "",
        )
        try:
            has_ended = self._watch(workspace_id, test.id, options["wait_timeout"])
        except KeyboardInterrupt:
            self.warn("Stopping the test; its report follows.")
            with suppress(Conflict):  # it was ending by itself
                control.stop_test(
                    workspace_id=workspace_id, test_id=test.id, actor=terminal_actor()
                )
            has_ended = self._watch(workspace_id, test.id, options["wait_timeout"])
        if not has_ended:
            raise CommandError(
                f"Waited {options['wait_timeout']:g} s; the test continues without this command: "
                f"`manage.py stress show {test.id}`.",
                returncode=EXIT_TIMEOUT,
            )
        test = queries.get_test(workspace_id, test.id)
        body = represent(StressTestDetail, test, None)
        if test.verdict != Verdict.PASSED:
            reason = test.report["sentence"] if test.report else "There is no report."
            raise CommandError(reason, body=body)
        return body

    def _watch(self, workspace_id: UUID, test_id: UUID, seconds: float) -> bool:
        """Show the progress until the test has ended. Returns whether it has, in these seconds."""
        warn_at = time.monotonic() + _STARTS_WITHIN_SECONDS
        has_warned = False

        def show(test: Any) -> None:
            nonlocal has_warned
            if sys.stderr.isatty():
                live.update(
                    tables.draw_progress(represent(StressTestDetail, test, None)), refresh=True
                )
            is_late = test.state == StressState.PREPARING and time.monotonic() > warn_at
            if is_late and not has_warned:
                self.warn(_NOT_STARTED)
                has_warned = True

        console = self.console(for_errors=True)
        with Live(console=console, auto_refresh=False, transient=True) as live:
            _, has_ended = poll(
                lambda: queries.get_test(workspace_id, test_id),
                until=lambda test: test.state in ENDED,
                seconds=seconds,
                every=_POLL_SECONDS,
                show=show,
            )
        return has_ended

    def _list(self, workspace_id: UUID, options: Options) -> Any:
        wanted = read_options(StressFilter, options)
        tests = queries.list_tests(workspace_id, wanted.states)[: options["limit"]]
        return [represent(StressTest, test, None) for test in tests]

    def _show(self, workspace_id: UUID, options: Options) -> Any:
        return represent(StressTestDetail, queries.get_test(workspace_id, options["id"]), None)

    def _stop(self, workspace_id: UUID, options: Options) -> Any:
        text = "Its tasks that wait are cancelled; the report is about what ran."
        self.look_twice(Look(f"Stop the test {options['id']}", text), options)
        test = control.stop_test(
            workspace_id=workspace_id, test_id=options["id"], actor=terminal_actor()
        )
        return represent(StressTestDetail, test, None)

    def _compare(self, workspace_id: UUID, options: Options) -> Any:
        compared = queries.compare_tests(workspace_id, options["id"], options["other"])
        return represent(Comparison, compared, None)
