"""Channels: the layer that carries live updates between processes."""

from typing import Any

from controlplane.settings.parts.redis import CACHE_REDIS_URL, CHANNELS_REDIS_URL

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
