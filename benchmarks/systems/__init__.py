"""The systems that are compared, each behind the same few verbs."""

from benchmarks.systems.base import HttpSystem, System, WorkerSystem
from benchmarks.systems.celery import CeleryBare, CeleryResults
from benchmarks.systems.express import Express
from benchmarks.systems.taskplane import Taskplane

__all__ = [
    "CeleryBare",
    "CeleryResults",
    "Express",
    "HttpSystem",
    "System",
    "Taskplane",
    "WorkerSystem",
]
