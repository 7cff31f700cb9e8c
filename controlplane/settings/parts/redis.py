"""Where Redis is (REDIS_HOST, or the embedded Valkey), and what uses it: channels and cache."""

from typing import Any
from urllib.parse import quote

from controlplane import embedded
from controlplane.settings.env import env

EMBEDDED_VALKEY = not env.text("REDIS_HOST")


def _address() -> tuple[str, int]:
    if not EMBEDDED_VALKEY:
        return env.text("REDIS_HOST"), env.integer("REDIS_PORT", 6379, minimum=1, maximum=65535)
    return embedded.valkey_address() or ("127.0.0.1", 1)


REDIS_HOST, REDIS_PORT = _address()
REDIS_PASSWORD = "" if EMBEDDED_VALKEY else env.text("REDIS_PASSWORD")


def redis_url(database: int) -> str:
    """The address of one of Redis's numbered databases."""
    password = f":{quote(REDIS_PASSWORD, safe='')}@" if REDIS_PASSWORD else ""
    host = f"[{REDIS_HOST}]" if ":" in REDIS_HOST else REDIS_HOST
    return f"redis://{password}{host}:{REDIS_PORT}/{database}"


# Bells, live updates and rate limits are apart, so that one can be emptied without the others.
REDIS_URL = redis_url(0)
CHANNELS_REDIS_URL = redis_url(1)
CACHE_REDIS_URL = redis_url(2)


_SOCKET = {"socket_timeout": 2, "socket_connect_timeout": 2, "health_check_interval": 10}

CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": CHANNELS_REDIS_URL, **_SOCKET}],
            "prefix": "taskplane",
        },
    }
}

CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_REDIS_URL,
        "KEY_PREFIX": "taskplane",
        "OPTIONS": _SOCKET,
    }
}
