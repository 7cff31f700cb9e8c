"""`manage.py serve`: run the app service."""

from argparse import ArgumentParser
from typing import Any

from channels.routing import get_default_application
from django.conf import settings

from controlplane.core.console.command import SafeCommand
from controlplane.core.console.output import CommandError


class Command(SafeCommand):
    help = "Run the app service, which serves API, admin and metrics, until it is stopped."
    notes = (
        "uvicorn serves HTTP, and gives WebSockets to Daphne; with TASKPLANE_HTTP_SERVER=daphne "
        "Daphne serves both."
    )
    examples = "  manage.py serve --host 0.0.0.0 --port 3002"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host",
            default=settings.APP_SERVICE_HOST,
            metavar="ADDRESS",
            help="address to listen on (default %(default)s)",
        )
        parser.add_argument(
            "--port",
            type=int,
            default=settings.APP_SERVICE_PORT,
            metavar="N",
            help="port to listen on (default %(default)s)",
        )

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        if settings.TASKPLANE["HTTP_SERVER"] == "daphne":
            from controlplane.core.http.server import daphne

            daphne.run(host, port)
        else:
            from controlplane.core.http.server import uvicorn

            try:
                listener = uvicorn.listen(host, port)
            except OSError as error:
                raise CommandError(
                    f"The app cannot listen on {host} port {port} ({error.strerror}): stop what "
                    "uses it, or name another with --host and --port."
                ) from error
            uvicorn.run(get_default_application(), listener)
