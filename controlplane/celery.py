"""The Celery application: `controlplane.celery.app`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

app = Celery("taskplane")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
