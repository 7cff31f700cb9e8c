"""Taskplane's own settings, one dictionary; docs/configuration.md describes each variable."""

import os
import re
import socket
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from controlplane.embedded import home
from controlplane.settings.env import env
from controlplane.settings.secretrules import find_weakness

_DAY_MS = 86_400_000
METRICS_TOKEN_MIN_LENGTH = 32
_RELEASE = re.compile(r"[A-Za-z0-9._:+/@~-]{1,80}")

APP_SERVICE_PORT = env.integer("APP_SERVICE_PORT", 3002, minimum=1, maximum=65535)
WORKER_SERVICE_PORT = env.integer("WORKER_SERVICE_PORT", 3003, minimum=1, maximum=65535)
# Loopback unless the operator opens it: an embedded set-up on a laptop is private.
APP_SERVICE_HOST = env.text("APP_SERVICE_HOST", "127.0.0.1")
WORKER_SERVICE_HOST = env.text("WORKER_SERVICE_HOST", "127.0.0.1")

# Components that serve no page. `controlplane.cli` names the component by its command.
HEADLESS = {"worker", "dispatch", "autoscale", "console"}

TASKPLANE: dict[str, Any] = {
    "COMPONENT": os.environ.get("TASKPLANE_COMPONENT", ""),
    "STATE_DIR": home.home() / "run",
    # The app
    "HTTP_SERVER": env.choice("TASKPLANE_HTTP_SERVER", "uvicorn", allowed=("uvicorn", "daphne")),
    # The badge on every page; the colour is a class of static/dashboard/shell.css
    "ENVIRONMENT_NAME": env.text("TASKPLANE_ENVIRONMENT_NAME", env.text("TASKPLANE_ENV", "dev")),
    "ENVIRONMENT_COLOUR": env.choice(
        "TASKPLANE_ENVIRONMENT_COLOUR",
        "grey",
        allowed=("grey", "blue", "green", "amber", "red", "violet"),
    ),
    "SERVES": env.choice("TASKPLANE_SERVES", "both", allowed=("both", "requests", "sockets")),
    # The worker. The release is that of the code which its processors are part of.
    "RELEASE": env.text("TASKPLANE_RELEASE"),
    "WORKER_NODE_ID": env.text("WORKER_NODE_ID", socket.gethostname()),
    "WORKER_CONCURRENCY": env.integer("WORKER_CONCURRENCY", 5, minimum=1, maximum=1024),
    "WORKER_QUEUES": env.words("WORKER_QUEUES", ["*"]),
    # The description of queues, until a person says otherwise. Checked by the tasks' app.
    "QUEUES": env.json_object("TASKPLANE_QUEUES"),
    # Tasks, or failures in a row, after which a pool child is replaced; 0 for never
    "WORKER_RECYCLE_AFTER_TASKS": env.integer(
        "WORKER_RECYCLE_AFTER_TASKS", 0, minimum=0, maximum=10**9
    ),
    "WORKER_RECYCLE_AFTER_FAILURES": env.integer(
        "WORKER_RECYCLE_AFTER_FAILURES", 50, minimum=0, maximum=10**9
    ),
    "WORKER_EXIT_WHEN_DRAINED": env.flag("WORKER_EXIT_WHEN_DRAINED", True),
    "WORKER_SERVICE_HOST": WORKER_SERVICE_HOST,
    "WORKER_SERVICE_PORT": WORKER_SERVICE_PORT,
    "ASYNC_CONCURRENCY": env.integer("ASYNC_CONCURRENCY", 500, minimum=1, maximum=10_000),
    "HEARTBEAT_INTERVAL_MS": env.integer(
        "HEARTBEAT_INTERVAL", 10_000, minimum=100, maximum=600_000
    ),
    "METRICS_COLLECTION_INTERVAL_MS": env.integer(
        "METRICS_COLLECTION_INTERVAL", 30_000, minimum=100, maximum=_DAY_MS
    ),
    # Claiming and finishing
    "LEASE_SECONDS": env.decimal("TASKPLANE_LEASE_SECONDS", 30.0, minimum=1, maximum=86_400),
    "DRAIN_SLICE_SECONDS": env.decimal("DRAIN_SLICE_SECONDS", 2.0, minimum=0.05, maximum=60),
    "BATCH_TARGET_MS": env.integer("BATCH_TARGET_MS", 50, minimum=1, maximum=10_000),
    "BATCH_MAX": env.integer("BATCH_MAX", 300, minimum=1, maximum=10_000),
    "CANCEL_GRACE_SECONDS": env.decimal("CANCEL_GRACE_SECONDS", 5.0, minimum=0, maximum=3_600),
    "TIMEOUT_GRACE_SECONDS": env.decimal("TIMEOUT_GRACE_SECONDS", 5.0, minimum=0, maximum=3_600),
    "SHUTDOWN_GRACE_SECONDS": env.decimal("SHUTDOWN_GRACE_SECONDS", 7.0, minimum=0, maximum=86_400),
    "TASK_MEMORY_MAX_MB": env.integer("TASK_MEMORY_MAX_MB", 0, minimum=0, maximum=1_048_576),
    "LOST_LIMIT": env.integer("LOST_LIMIT", 3, minimum=1, maximum=100),
    # What is kept
    "REMOVE_ON_COMPLETE": env.limit("QUEUE_REMOVE_ON_COMPLETE", 100),
    "REMOVE_ON_FAIL": env.limit("QUEUE_REMOVE_ON_FAIL", 50),
    "RETENTION_DAYS": env.integer("RETENTION_DAYS", 30, minimum=1, maximum=36_500),
    "ATTEMPT_RETENTION_DAYS": env.integer("ATTEMPT_RETENTION_DAYS", 30, minimum=1, maximum=36_500),
    "LOG_RETENTION_DAYS": env.integer("LOG_RETENTION_DAYS", 7, minimum=1, maximum=36_500),
    "SCHEDULE_RETENTION_DAYS": env.integer(
        "SCHEDULE_RETENTION_DAYS", 30, minimum=1, maximum=36_500
    ),
    "DLQ_RETENTION_DAYS": env.integer("DLQ_RETENTION_DAYS", 90, minimum=1, maximum=36_500),
    "OPERATION_RETENTION_DAYS": env.integer(
        "OPERATION_RETENTION_DAYS", 90, minimum=1, maximum=36_500
    ),
    "ROLLUP_RETENTION_DAYS": env.integer("ROLLUP_RETENTION_DAYS", 400, minimum=32, maximum=36_500),
    "AUDIT_RETENTION_DAYS": env.integer("AUDIT_RETENTION_DAYS", 365, minimum=1, maximum=36_500),
    # Limits of a request
    "PAYLOAD_MAX_BYTES": env.integer(
        "PAYLOAD_MAX_BYTES", 262_144, minimum=1_024, maximum=16_777_216
    ),
    "BODY_MAX_BYTES": env.integer(
        "BODY_MAX_BYTES", 10_485_760, minimum=1_024, maximum=1_073_741_824
    ),
    "JSON_MAX_DEPTH": env.integer("JSON_MAX_DEPTH", 32, minimum=2, maximum=200),
    "BULK_MAX": env.integer("BULK_MAX", 10_000, minimum=1, maximum=100_000),
    "OPERATION_MAX_ITEMS": env.integer(
        "OPERATION_MAX_ITEMS", 1_000_000, minimum=1, maximum=10_000_000
    ),
    # Exports that go on at once, and how long one may take
    "EXPORTS_PER_PERSON": env.integer("EXPORTS_PER_PERSON", 4, minimum=1, maximum=1_000),
    "EXPORTS_PER_PROCESS": env.integer("EXPORTS_PER_PROCESS", 16, minimum=1, maximum=1_000),
    "EXPORT_MAX_SECONDS": env.integer("EXPORT_MAX_SECONDS", 14_400, minimum=1, maximum=86_400),
    # Requests per minute; 0 for no limit. Only a client gone wild meets the defaults.
    "RATE_LIMIT_PER_KEY": env.integer("RATE_LIMIT_PER_KEY", 60_000, minimum=0, maximum=10**9),
    "RATE_LIMIT_PER_WORKSPACE": env.integer(
        "RATE_LIMIT_PER_WORKSPACE", 120_000, minimum=0, maximum=10**9
    ),
    # Failed log-ins of a user name from one address in 15 minutes; 0 for no limit
    "LOGIN_FAILURE_LIMIT": env.integer("LOGIN_FAILURE_LIMIT", 10, minimum=0, maximum=10_000),
    # Trusted proxies in front: as many entries of X-Forwarded-For, from its end, are believed
    "TRUSTED_PROXIES": env.integer("TRUSTED_PROXIES", 0, minimum=0, maximum=10),
    # A bearer token that may read /metrics, and of these what belongs to no workspace
    "METRICS_TOKEN": env.text("METRICS_TOKEN"),
    # Processors
    "HTTP_REQUEST_ALLOW_PRIVATE": env.flag("HTTP_REQUEST_ALLOW_PRIVATE", False),
    "HTTP_REQUEST_ALLOW": env.words("HTTP_REQUEST_ALLOW"),
    "FILE_ROOTS": env.words("FILE_ROOTS"),
}

# A beat must have come twice before its silence can mean a loss.
if TASKPLANE["HEARTBEAT_INTERVAL_MS"] * 2 > TASKPLANE["LEASE_SECONDS"] * 1000:
    raise ImproperlyConfigured(
        f"HEARTBEAT_INTERVAL is {TASKPLANE['HEARTBEAT_INTERVAL_MS']} ms and "
        f"TASKPLANE_LEASE_SECONDS is {TASKPLANE['LEASE_SECONDS']:g} s: "
        "the lease must be at least twice the heartbeat, or living workers are declared lost."
    )
if len(TASKPLANE["WORKER_NODE_ID"]) > 100:
    raise ImproperlyConfigured(
        f"WORKER_NODE_ID has {len(TASKPLANE['WORKER_NODE_ID'])} characters: at most 100 are kept."
    )
if TASKPLANE["RELEASE"] and not _RELEASE.fullmatch(TASKPLANE["RELEASE"]):
    raise ImproperlyConfigured(
        f"TASKPLANE_RELEASE is {TASKPLANE['RELEASE']!r}: it must be 1 to 80 letters, digits and "
        "'.', '_', ':', '+', '/', '@', '~', '-', such as a commit or 2026.11.3."
    )
if len(TASKPLANE["ENVIRONMENT_NAME"]) > 24:
    raise ImproperlyConfigured(
        f"TASKPLANE_ENVIRONMENT_NAME has {len(TASKPLANE['ENVIRONMENT_NAME'])} characters: "
        "the badge has room for 24."
    )
# It may be sent without encryption, so it must at least be hard to guess.
if TASKPLANE["METRICS_TOKEN"] and (
    _weakness := find_weakness(TASKPLANE["METRICS_TOKEN"], min_length=METRICS_TOKEN_MIN_LENGTH)
):
    raise ImproperlyConfigured(f"METRICS_TOKEN {_weakness}; or leave it empty.")

# Modules with processors, beside every installed app's `processors.py` and the entry points.
TASKPLANE_PROCESSORS = env.words("TASKPLANE_PROCESSORS")
# Modules with declared schedules, beside every installed app's `schedules.py`.
TASKPLANE_SCHEDULES = env.words("TASKPLANE_SCHEDULES")

TASKPLANE_STRESS: dict[str, Any] = {
    "MAX_TASKS": env.integer("STRESS_MAX_TASKS", 100_000, minimum=1, maximum=1_000_000),
    "QUIET_SECONDS": env.decimal("STRESS_QUIET_SECONDS", 300.0, minimum=1, maximum=86_400),
    "RETENTION_DAYS": env.integer("STRESS_RETENTION_DAYS", 365, minimum=1, maximum=36_500),
    # Outside development a test must be confirmed by name.
    "MUST_CONFIRM": env.choice("TASKPLANE_ENV", "dev", allowed=("dev", "production"))
    == "production",
}
