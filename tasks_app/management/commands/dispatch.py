"""`manage.py dispatch`: run a dispatcher."""

from typing import Any

from controlplane.core.console.command import SafeCommand
from tasks_app.dispatch import Dispatcher


class Command(SafeCommand):
    help = "Run a dispatcher until it is stopped."
    notes = (
        "A dispatcher makes due tasks ready, wakes queues, takes back the tasks of lost workers, "
        "and prunes history. Any number of dispatchers may run; one of them leads."
    )

    def handle(self, **options: Any) -> None:
        Dispatcher().run()
