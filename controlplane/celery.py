"""The Celery application: `controlplane.celery.app`."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

app = Celery("taskplane")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery closes all of Django's connections around every task unless this key, which its Django
# fix-up looks up under just this name, says after how many. A wake-up must not open a
# connection; each
# connection's own age and health checks still count.
app.conf["CELERY_DB_REUSE_MAX"] = 10**12
app.autodiscover_tasks()


@setup_logging.connect(weak=False)
def keep_our_logging(**_: Any) -> None:
    """Django's settings have set it up. Without a receiver Celery gives `get_task_logger` a handler
    of its own, whose lines nobody makes safe."""
