"""Celery with django-celery-results: every task's end is a row."""

import os

from celery import Celery

from benchmarks.peers.tasks import register
from benchmarks.peers.tuning import TUNED

app = Celery("bench-results")
app.conf.update(TUNED, result_backend="django-db", task_ignore_result=False)
if os.environ["BENCH_CONNECTIONS"] == "keep":
    # Celery closes Django's connections around every task, whatever CONN_MAX_AGE says; only this
    # setting, which counts how often not to, keeps them.
    app.conf["CELERY_DB_REUSE_MAX"] = 10**12
TASKS = register(app)
