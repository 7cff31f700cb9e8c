"""The version that redis-py names to its server."""

from importlib import import_module
from typing import Any


def remember_redis_version() -> None:
    """Before redis-py connects: to name its version, it reads and parses the description of its
    own package for each connection: more than 1 MB that a process does not give back."""
    redis = import_module("redis")  # a tenth of the start of a command, and not all commands use it
    utils: Any = import_module("redis.utils")
    utils.get_lib_version = lambda: redis.__version__
