"""`manage.py serve`: run the app service."""

from argparse import ArgumentParser
from typing import Any

from channels.routing import get_default_application
from django.conf import settings

from controlplane.core.console.command import SafeCommand
from controlplane.core.console.output import CommandError
from controlplane.core.http.migrated import is_migrated
from controlplane.core.http.parts import REQUESTS, SOCKETS


class Command(SafeCommand):
    help = "Run the app service, which serves API, admin and metrics, until it is stopped."
    notes = (
        "uvicorn serves HTTP, and gives WebSockets to Daphne; with TASKPLANE_HTTP_SERVER=daphne "
        "Daphne serves both."
    )
    examples = (
        "  manage.py serve --host 0.0.0.0 --port 3002\n  manage.py serve --only sockets --port 3004"
    )

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

        parser.add_argument(
            "--only",
            choices=(REQUESTS, SOCKETS),
            help="serve only requests of HTTP, or only WebSockets (default: what TASKPLANE_SERVES "
            "says, which is both)",
        )

    def handle(self, *, host: str, port: int, only: str | None, **options: Any) -> None:
        if only is not None:
            settings.TASKPLANE["SERVES"] = only  # the application is imported after this
        is_migrated()  # says in the log what it waits for, before anybody asks
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
