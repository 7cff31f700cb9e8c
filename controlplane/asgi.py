"""The ASGI application, as `manage.py serve` runs it, or `python -m daphne
controlplane.asgi:application`."""

import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
# Before the settings are read: only the app keeps a pool of database connections.
os.environ.setdefault("TASKPLANE_COMPONENT", "app")

from channels.routing import ProtocolTypeRouter
from django.conf import settings

from controlplane.core.http.asgi import get_http_application
from controlplane.core.http.messages import App
from controlplane.core.http.migrated import when_migrated
from controlplane.core.http.parts import REQUESTS, SOCKETS, only_health, refuse_sockets
from controlplane.core.http.pathprefix import below_prefix


def get_sockets() -> App:
    from controlplane.live.consumer import serve_sockets  # it needs Django's apps

    return serve_sockets


http: App = when_migrated(get_http_application())
part = settings.TASKPLANE["SERVES"]
protocols: Any = ProtocolTypeRouter(
    {
        "http": only_health(http) if part == SOCKETS else http,
        "websocket": refuse_sockets if part == REQUESTS else when_migrated(get_sockets()),
    }
)
application: App = below_prefix(protocols)

if "daphne.cli" in sys.modules:  # Daphne imports this module, rather than a test or a tool
    from controlplane.core.http.server.daphne import install

    install()
