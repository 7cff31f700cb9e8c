"""Run a dispatcher: promotes, wakes, rescues, prunes. Any number may run; one of them leads."""

from typing import Any

from controlplane.core.commands import SafeCommand
from tasks_app.dispatch.loop import Dispatcher


class Command(SafeCommand):
    # The checks import every view; a worker that never serves one must not pay for that.
    requires_system_checks = []
    help = (
        "Run a dispatcher: makes due tasks ready, sends lost wake-ups again, rescues the "
        "work of lost workers, prunes history. Run as many as you like; one of them leads."
    )

    def handle(self, **options: Any) -> None:
        Dispatcher().run()
