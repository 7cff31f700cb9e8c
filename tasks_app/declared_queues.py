"""The descriptions of queues in the settings."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from controlplane.core.process_state import register_reset
from tasks_app.descriptors import FIELDS, Descriptor, find_faults
from tasks_app.queues import NAME


@cache
def declared_queues() -> Mapping[str, Descriptor]:
    """What TASKPLANE_QUEUES says, by the name of the queue. Raises ImproperlyConfigured."""
    declared: Any = settings.TASKPLANE["QUEUES"]
    if not isinstance(declared, dict):
        raise ImproperlyConfigured("TASKPLANE_QUEUES must be an object of queues by their names.")
    return {name: _read(name, values) for name, values in declared.items()}


register_reset(declared_queues.cache_clear)


def _read(name: str, values: Any) -> Descriptor:
    place = f"TASKPLANE_QUEUES, queue {name!r}"
    if not NAME.fullmatch(name):
        raise ImproperlyConfigured(f"{place}: this cannot be the name of a queue.")
    is_right = isinstance(values, dict) and all(isinstance(each, str) for each in values.values())
    if not is_right or not values.keys() <= set(FIELDS):
        raise ImproperlyConfigured(f"{place}: give texts for some of {', '.join(FIELDS)}.")
    descriptor = Descriptor(**values)
    for field, rule in find_faults(descriptor):
        raise ImproperlyConfigured(f"{place}: {field} is {values[field]!r}: {rule}")
    return descriptor
