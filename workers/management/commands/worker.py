"""Run a worker: Celery's main process with its pool, and the agent beside it."""

import logging
import os
import shutil
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import psutil
from billiard.util import get_pdeathsig
from celery import Celery
from celery.signals import (
    worker_before_create_process,
    worker_process_init,
    worker_ready,
    worker_shutting_down,
)
from celery.utils.nodenames import host_format
from django.conf import settings

from controlplane.celery import app
from controlplane.core.console.command import SafeCommand
from controlplane.core.console.output import CommandError
from controlplane.core.redisversion import remember_redis_version
from controlplane.core.schemaversion import list_required
from workers.agent import Agent
from workers.bootsteps import (
    CanaryStep,
    CompanionsStep,
    QueuesStep,
    ServingStep,
    bound_last_results,
)
from workers.companions import Companions, prepare_dispatcher, share_memory
from workers.naming import MAX_WORKER_NAME, celery_queue
from workers.node_state import SharedNodeState
from workers.runtime import Runtime, open_slot, set_runtime
from workers.serving import rehearse_engine
from workers.wake_up_lists import broker_failures

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 0.1
# After the grace: by then the agent has interrupted, or killed, whatever handler still ran. Process
# managers wait for 3.5 s.
_OVERDUE_SECONDS = 2.5


class Command(SafeCommand):
    help = "Run a worker until it is stopped: it claims tasks of its queues and runs them."
    examples = (
        "  manage.py worker --concurrency 4\n  manage.py worker --queues mail,reports --name mailer"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        config = settings.TASKPLANE
        parser.add_argument(
            "--concurrency",
            type=int,
            default=config["WORKER_CONCURRENCY"],
            metavar="N",
            help="slots: handlers that run at once, each in its own process (hundreds of async "
            "handlers share a slot) (default %(default)s)",
        )
        parser.add_argument(
            "--queues",
            default=",".join(config["WORKER_QUEUES"]),
            help="comma-separated list of queues, or * for all present and future queues "
            "(default %(default)s)",
        )
        parser.add_argument(
            "--name",
            default=config["WORKER_NODE_ID"],
            help="name of the worker; its nodes are called name#id (default %(default)s)",
        )
        parser.add_argument(
            "--dispatch",
            action="store_true",
            help="also run a dispatcher beside it, in a process that shares its memory: it takes a "
            "third of what `manage.py dispatch` takes",
        )

    def handle(
        self, *, concurrency: int, queues: str, name: str, dispatch: bool, **options: Any
    ) -> None:
        if len(name) > MAX_WORKER_NAME:
            raise CommandError(f"--name has {len(name)} characters: use at most {MAX_WORKER_NAME}.")
        _prepare_to_share(app)
        work_until = prepare_dispatcher() if dispatch else None
        _rehearse(app)
        names = [queue.strip() for queue in queues.split(",") if queue.strip()]
        runtime = Runtime(
            name=f"{name}-{os.getpid()}",
            node_state=SharedNodeState(),
            directory=_new_directory(),
            serves_all="*" in names,
            queues=names,
        )
        set_runtime(runtime)
        companions = Companions(runtime)
        agent = Agent(
            runtime=runtime, main_pid=os.getpid(), queues=names, concurrency=concurrency, name=name
        )
        companions.add("Agent", agent.run)
        if work_until is not None:
            companions.add(
                "Dispatcher", partial(work_until, companions.make_end()), until_stop=True
            )
        runtime.node_state.exit_status = 1  # unless it gets to the end
        _end_on_signals(runtime.node_state)
        try:
            _wait_until_possible(runtime, app, companions)
            _connect_signals(runtime, companions, concurrency)
            app.steps["consumer"].update({CanaryStep, QueuesStep, CompanionsStep})
            if settings.BROKER_IS_REDIS:
                app.steps["consumer"].add(ServingStep)
            CompanionsStep.keep = companions.keep
            bound_last_results()
            _run_celery(app, runtime, concurrency, names)
            runtime.node_state.exit_status = 0
        finally:
            companions.end()
            shutil.rmtree(runtime.directory, ignore_errors=True)
            # The interpreter's own end gives the alarm back its default action, which kills.
            signal.setitimer(signal.ITIMER_REAL, 0)


def _end_on_signals(node_state: SharedNodeState) -> None:
    """Handles signals until Celery does, so that a worker stopped during its start is not recorded
    as killed."""

    def end(*_: Any) -> NoReturn:
        node_state.exit_status = 0
        node_state.stopping_since = time.monotonic()
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _new_directory() -> Path:
    """This worker's runtime folder. Folders of workers that are gone are removed: when a heartbeat
    stops, the dispatcher takes back the node's tasks."""
    root = Path(settings.TASKPLANE["STATE_DIR"])
    for old in root.glob("worker-*"):
        pid = old.name.split("-")[1]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(old, ignore_errors=True)
    directory = root / f"worker-{os.getpid()}-{uuid4().hex[:8]}"
    directory.mkdir(parents=True, mode=0o700)
    return directory


def _wait_until_possible(runtime: Runtime, celery: Celery, companions: Companions) -> None:
    """Wait for the node's row and for the broker: a worker whose first connection was refused may
    report ready later and never take a message."""
    has_warned = False
    while not (
        runtime.node_state.node_id
        and (runtime.read_queues() or not runtime.serves_all)
        and _broker_answers(celery)
    ):
        if not has_warned:
            has_warned = True
            logger.warning("Waiting for the database and the broker")
        companions.keep()
        time.sleep(_WAIT_SECONDS)


def _broker_answers(celery: Celery) -> bool:
    with celery.connection_for_read() as connection:
        try:
            connection.ensure_connection(max_retries=1, timeout=2)
        except broker_failures(connection):
            return False
        return True


def _connect_signals(runtime: Runtime, companions: Companions, concurrency: int) -> None:
    node_state = runtime.node_state
    give_up: float = settings.TASKPLANE["SHUTDOWN_GRACE_SECONDS"] + _OVERDUE_SECONDS

    def became_ready(**_: Any) -> None:
        node_state.canary_received_at = time.monotonic()
        node_state.is_ready = True

    def is_stopping(**_: Any) -> None:
        node_state.stopping_since = time.monotonic()
        runtime.recall.request(concurrency)
        # A signal, not a thread: main must have none when it forks. It also interrupts a read from
        # a broker that does not answer.
        signal.signal(signal.SIGALRM, lambda *_: companions.end_now())
        signal.setitimer(signal.ITIMER_REAL, give_up)

    def child_started(**_: Any) -> None:
        open_slot()

    worker_before_create_process.connect(share_memory, weak=False)
    worker_ready.connect(became_ready, weak=False)
    worker_shutting_down.connect(is_stopping, weak=False)
    worker_process_init.connect(child_started, weak=False)


# What Celery, billiard and Python import only when they use it
_USED_LATER = (
    "billiard.heap", "billiard.popen_fork", "billiard.sharedctypes", "billiard.synchronize",
    "celery.app.amqp", "celery.app.control", "celery.app.events", "celery.app.log",
    "celery.apps.worker", "celery.contrib.django.task", "celery.events.receiver",
    "celery.worker.autoscale", "celery.worker.components", "celery.worker.consumer",
    "celery.worker.consumer.delayed_delivery", "celery.worker.control", "celery.worker.loops",
    "celery.worker.strategy", "django_celery_results.backends", "encodings.idna",
    "kombu.transport.redis",
)  # fmt: skip


def _prepare_to_share(celery: Celery) -> None:
    """Import before the forks what main, agent and pool children would each import after them: a
    page that one of them writes is no longer shared."""
    os.environ["CELERY_SKIP_CHECKS"] = "true"  # as for the command itself: they import every view
    for module in _USED_LATER:
        import_module(module)
    celery.loader.init_worker()
    with suppress(OSError):  # only Linux has it
        get_pdeathsig()  # a child sets it, for which cffi builds a parser: several MB in each


def _rehearse(celery: Celery) -> None:
    """Connect to the broker and to the database before the forks, and close both again: what a
    first connection leaves in memory would otherwise be there once in each process."""
    remember_redis_version()
    list_required()  # which the agent and a dispatcher compare
    _broker_answers(celery)
    rehearse_engine()


def _run_celery(celery: Celery, runtime: Runtime, concurrency: int, queues: list[str]) -> None:
    """Run Celery's worker until it has shut down. Does not use Celery's command line, which imports
    many packages."""
    pool = "ServingTaskPool" if settings.BROKER_IS_REDIS else "TaskPool"
    worker = celery.Worker(
        hostname=host_format(f"{runtime.name}@%h"),
        pool_cls=f"workers.bootsteps:{pool}",
        consumer_cls="workers.bootsteps:CaringConsumer",
        concurrency=concurrency,
        queues=runtime.read_queues() if runtime.serves_all else list(map(celery_queue, queues)),
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    if worker.exitcode:
        runtime.node_state.exit_status = worker.exitcode
        sys.exit(worker.exitcode)
