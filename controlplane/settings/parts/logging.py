"""Logging: one line per event on standard error; the process manager stores and rotates the
files."""

from typing import Any

from controlplane.settings.env import env

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", allowed=_LEVELS)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "controlplane.core.safetext.LineFormatter",
            "format": "{asctime} {levelname} {process} {request_id} {name}: {message}",
            "style": "{",
        },
    },
    "filters": {
        "request_id": {"()": "controlplane.core.requests.RequestIdFilter"},
        "client_faults": {"()": "controlplane.core.requests.ClientFaultFilter"},
        "redis_outages": {"()": "controlplane.live.outages.OutageFilter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id", "client_faults"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would say everything a second time.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        "celery": {"level": LOG_LEVEL},
        # Two useless lines for every wake-up: the record is in Postgres.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "channels_redis.pubsub": {"filters": ["redis_outages"]},
        "daphne": {"level": "INFO"},
        "kombu": {"level": "WARNING"},
    },
}
