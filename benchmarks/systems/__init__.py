"""The systems that are compared, each behind the same few verbs."""

from benchmarks.systems.base import System
from benchmarks.systems.celery import CeleryBare, CeleryResults
from benchmarks.systems.taskplane import Taskplane

__all__ = ["CeleryBare", "CeleryResults", "System", "Taskplane"]
