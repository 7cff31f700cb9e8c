"""The peers: a small Celery application, configured as the manual advises for throughput.

Bare, with nothing on record; or, with BENCH_CONNECTIONS in the environment, with
django-celery-results, where every task's end is a row. The tasks do the same work as Taskplane's
`noop`, `sleep` and `bench-stamp`.
"""

import os
import time

from celery import Celery

from benchmarks.marks import note_run, stamp_start

_CONNECTIONS = os.environ.get("BENCH_CONNECTIONS")

app = Celery("bench")
# Everything that costs and is not needed is off.
app.conf.update(
    broker_url=os.environ["BENCH_BROKER_URL"],
    broker_connection_retry_on_startup=True,
    accept_content=["json"],
    task_serializer="json",
    task_acks_late=False,
    task_send_sent_event=False,
    task_track_started=False,
    task_ignore_result=_CONNECTIONS is None,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    # Measured beside 1 and 4: the no-op drain gains by it, nothing loses.
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
)
if _CONNECTIONS is not None:
    app.conf.result_backend = "django-db"
if _CONNECTIONS == "keep":
    # Celery closes Django's connections around every task, regardless of CONN_MAX_AGE; only this
    # setting, which counts how often not to, keeps them.
    app.conf["CELERY_DB_REUSE_MAX"] = 10**12


@app.task(name="noop")
def noop() -> None:
    note_run(time.monotonic())


@app.task(name="wait")
def wait(ms: float) -> None:
    started = time.monotonic()
    time.sleep(ms / 1000)
    note_run(started)


@app.task(name="stamp")
def stamp(number: int) -> None:
    stamp_start(number)


@app.task(name="number")
def number(value: int) -> None:
    note_run(time.monotonic())


TASKS = {"noop": noop, "wait": wait, "stamp": stamp, "number": number}
