"""Bare Celery: no results, nothing on record."""

from celery import Celery

from benchmarks.peers.tasks import register
from benchmarks.peers.tuning import TUNED

app = Celery("bench-bare")
app.conf.update(TUNED, task_ignore_result=True)
TASKS = register(app)
