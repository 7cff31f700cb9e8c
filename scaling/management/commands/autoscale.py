"""Run the autoscaler. Any number may run; one of them leads."""

from typing import Any

from controlplane.core.commands import CommandError, SafeCommand
from scaling.autoscaler import Autoscaler
from scaling.fleet import FleetError


class Command(SafeCommand):
    # The checks import every view; a process that never serves one must not pay for that.
    requires_system_checks = []
    help = (
        "Run the autoscaler: decides how many workers there should be, starts them, lets them "
        "drain, and records each decision. AUTO_SCALING_BACKEND says where the workers are. Run "
        "as many as you like; one of them leads."
    )

    def handle(self, **options: Any) -> None:
        try:
            autoscaler = Autoscaler()
        except FleetError as error:
            raise CommandError(str(error)) from error
        autoscaler.run()
