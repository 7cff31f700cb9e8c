"""`manage.py stress`: begin, watch, stop and compare stress tests."""

import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any
from uuid import UUID

from controlplane.core.commands import CommandError
from controlplane.core.console import Console, Live
from controlplane.core.errors import Conflict
from controlplane.core.schema import represent
from controlplane.stress import control, queries
from controlplane.stress.management import printing
from controlplane.stress.management.options import EXAMPLES, add_verbs, spec_of_options
from controlplane.stress.schema import Comparison, StressTest, StressTestDetail
from controlplane.stress.spec import QUEUE
from controlplane.stress.states import ENDED, StressState, Verdict
from tasks_app.management.terminal import (
    EXIT_REFUSED,
    EXIT_TIMEOUT,
    TerminalCommand,
    terminal_actor,
    workspace_of,
)

_POLL_SECONDS = 0.5
_MOST_SHOWN = 1_000
_BEGINS_WITHIN_SECONDS = 15.0
_NOT_BEGUN = "No dispatcher has begun it yet: is `manage.py dispatch` running?"


class Command(TerminalCommand):
    """One verb each."""

    help = "Put a bounded load on the queue `stress`, and get a verdict on what came of it."
    examples = EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_verbs(parser)

    def run_command(self, options: dict[str, Any]) -> None:
        run = {
            "run": self._run,
            "list": self._list,
            "show": self._show,
            "stop": self._stop,
            "compare": self._compare,
        }[options["verb"]]
        run(workspace_of(options), options)

    def _run(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        test = control.start_test(
            workspace_id=workspace_id,
            spec=spec_of_options(options),
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
                f"Waited {options['wait_timeout']:g} s; the test goes on without this command: "
                f"`manage.py stress show {test.id}`.",
                returncode=EXIT_TIMEOUT,
            )
        self._conclude(workspace_id, test.id, options)

    def _watch(self, workspace_id: UUID, test_id: UUID, seconds: float) -> bool:
        """Show the progress until the test has ended; whether it has, in these seconds."""
        started = time.monotonic()
        is_told = False
        console = Console(stderr=True)  # Django's own would draw it in the colour of errors
        test = queries.get_test(workspace_id, test_id)
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while test.state not in ENDED:
                if sys.stderr.isatty():
                    live.update(
                        printing.draw_progress(represent(StressTestDetail, test, None)),
                        refresh=True,
                    )
                waited = time.monotonic() - started
                if waited > seconds:
                    return False
                if test.state == StressState.PREPARING and waited > _BEGINS_WITHIN_SECONDS:
                    if not is_told:
                        self.warn(_NOT_BEGUN)
                    is_told = True
                time.sleep(_POLL_SECONDS)
                test = queries.get_test(workspace_id, test_id)
        return True

    def _conclude(self, workspace_id: UUID, test_id: UUID, options: dict[str, Any]) -> None:
        """Show the report. Raises CommandError when the verdict is FAILED."""
        test = queries.get_test(workspace_id, test_id)
        self._tell(represent(StressTestDetail, test, None), printing.print_test, options)
        if test.verdict != Verdict.PASSED:
            said = test.report["sentence"] if test.report else "There is no report."
            raise CommandError(said, returncode=EXIT_REFUSED)

    def _list(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= _MOST_SHOWN:
            self.usage(f"--limit must be from 1 to {_MOST_SHOWN}.")
        states = [options["status"]] if options["status"] else []
        tests = queries.list_tests(workspace_id, states)[: options["limit"]]
        self._tell(
            [represent(StressTest, test, None) for test in tests], printing.print_tests, options
        )

    def _show(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        test = queries.get_test(workspace_id, options["id"])
        self._tell(represent(StressTestDetail, test, None), printing.print_test, options)

    def _stop(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        test = control.stop_test(
            workspace_id=workspace_id, test_id=options["id"], actor=terminal_actor()
        )
        self._tell(represent(StressTestDetail, test, None), printing.print_test, options)

    def _compare(self, workspace_id: UUID, options: dict[str, Any]) -> None:
        found = queries.compare_tests(workspace_id, options["id"], options["other"])
        self._tell(represent(Comparison, found, None), printing.print_comparison, options)

    def _tell(self, body: Any, show: Any, options: dict[str, Any]) -> None:
        if options["json"]:
            self.write_json(body)
        else:
            show(self.console(), body)
