"""The entry point for WSGI servers; it has no WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
os.environ.setdefault("TASKPLANE_COMPONENT", "app")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
