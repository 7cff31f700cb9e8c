"""Celery with django-celery-results: every task's end is a row."""

from celery import Celery

from benchmarks.peers.tasks import register
from benchmarks.peers.tuning import TUNED

app = Celery("bench-results")
app.conf.update(TUNED, result_backend="django-db", task_ignore_result=False)
TASKS = register(app)
