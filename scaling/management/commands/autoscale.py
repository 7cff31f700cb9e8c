"""`manage.py autoscale`: run the autoscaler."""

from typing import Any

from controlplane.core.console.command import SafeCommand
from controlplane.core.console.output import CommandError
from scaling.autoscaler import Autoscaler
from scaling.fleet import FleetError


class Command(SafeCommand):
    help = "Run the autoscaler until it is stopped."
    notes = (
        "The autoscaler decides how many workers there should be, starts them, drains them, and "
        "records each decision. AUTO_SCALING_BACKEND selects where the workers run. Any number of "
        "autoscalers may run; one of them leads."
    )

    def handle(self, **options: Any) -> None:
        try:
            autoscaler = Autoscaler()
        except FleetError as error:
            raise CommandError(str(error)) from error
        autoscaler.run()
