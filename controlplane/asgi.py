"""The application server's entry point: `python -m daphne controlplane.asgi:application`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
# Before the settings are read: only the app keeps a pool of database connections.
os.environ.setdefault("TASKPLANE_COMPONENT", "app")

from channels.routing import ProtocolTypeRouter

from controlplane.core.asgi import get_http_application

application = ProtocolTypeRouter({"http": get_http_application()})
