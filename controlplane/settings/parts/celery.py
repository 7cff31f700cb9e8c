"""Celery: it carries only wake-ups. Postgres stores everything, so nothing here is durable.
docs/operations.md has the reasons; each setting was chosen after a failure was observed without it.
"""

from typing import Any

from controlplane.settings.env import env
from controlplane.settings.parts.redis import REDIS_URL

_SCHEMES = ("amqp", "amqps", "redis", "rediss")

CELERY_BROKER_URL = env.url("CELERY_BROKER_URL", schemes=_SCHEMES) or REDIS_URL
BROKER_IS_REDIS = CELERY_BROKER_URL.startswith("redis")

# A frozen Redis must cost a request two seconds at the very most, never a hang.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "max_retries": 0,
    }
    if BROKER_IS_REDIS
    else {}
)
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_HEARTBEAT = 10

# JSON only, in and out: who can write to the broker must not get code executed.
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_EVENT_SERIALIZER = "json"
CELERY_RESULT_ACCEPT_CONTENT = ["json"]

# django-celery-results serves plain Celery tasks that ask for a result; wake-ups never do.
CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = 86_400

CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_TASK_TRACK_STARTED = False
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "celery"

CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Celery knows how to stop reserving messages with Redis only.
CELERY_WORKER_DISABLE_PREFETCH = BROKER_IS_REDIS
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# A killed child keeps its slot reserved this long; a wake-up's result is not worth waiting for.
CELERY_WORKER_LOST_WAIT = 0.5
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 30.0

CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
