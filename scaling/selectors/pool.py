"""The pool: what is set, and how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, Invalid
from scaling.configuration import Configuration
from scaling.models import Pool

POOL = "default"
# What the API calls the values of a configuration; errors and the audit log do, too.
API_NAMES: Mapping[str, str] = {
    "enabled": "enabled",
    "strategy": "strategy",
    "min_workers": "minWorkers",
    "max_workers": "maxWorkers",
    "scale_up_threshold": "scaleUpThreshold",
    "scale_down_threshold": "scaleDownThreshold",
    "cooldown": "cooldownSeconds",
    "down_cooldown": "downCooldownSeconds",
    "objective": "objectiveSeconds",
    "goal": "goal",
    "stabilisation": "stabilisationSeconds",
    "use_forecast": "useForecast",
}


@dataclass(frozen=True, slots=True)
class ManualOrder:
    """A number of workers that a person ordered and that holds now; without `until`, for good."""

    workers: int
    until: datetime | None
    by: str


def get_pool() -> Pool:
    """The installation's one pool; made when there is none yet."""
    return Pool.objects.get_or_create(name=POOL)[0]


def read_pool() -> Pool:
    """The pool, for whoever only looks: one as it would be made when there is none yet."""
    return Pool.objects.filter(name=POOL).first() or Pool(name=POOL)


def get_configuration(pool: Pool | None = None) -> Configuration:
    """The values in force: the environment's, with what API and admin changed.

    Overrides that no longer fit the environment (a minimum above its new maximum) are refused with
    Invalid; it says which.
    """
    found = pool or get_pool()
    return Configuration.from_environment().changed(found.overrides)


def get_sound_configuration(pool: Pool) -> Configuration:
    """As get_configuration, for whoever can repair it. Raises Conflict that says how."""
    try:
        return get_configuration(pool)
    except Invalid as error:
        raise Conflict(advise(error)) from error


def find_contradiction(pool: Pool) -> str:
    """What of the overrides no longer fits the environment, and what to do; empty when all does."""
    try:
        get_configuration(pool)
    except Invalid as error:
        return advise(error)
    return ""


def find_problem(pool: Pool) -> str:
    """Why the number of workers cannot be moved; empty when it can."""
    return find_contradiction(pool) or str(pool.problem)


def advise(error: Invalid) -> str:
    """What contradicts, and what to do about it, in sentences."""
    said = " ".join(f"{each['field']}: {each['message']}" for each in error.errors) or str(error)
    fields = ", ".join(f'"{each["field"]}": null' for each in error.errors)
    return (
        f"What was changed while it ran no longer fits the environment. {said} Nothing is scaled "
        "until it is changed again, or put back to the environment's value (in the API: POST "
        f"/auto-scaling/config with {{{fields}}})."
    )


def get_values(pool: Pool) -> dict[str, Any]:
    """The values by name, also those that contradict each other."""
    values = Configuration.from_environment().to_json()
    return values | {name: v for name, v in pool.overrides.items() if name in values}


def get_backend(pool: Pool) -> str:
    """The name of the back-end: that of the loop's last pass, before that the environment's."""
    return pool.backend or str(settings.TASKPLANE_SCALING["BACKEND"])


def get_manual_order(pool: Pool, at: datetime | None = None) -> ManualOrder | None:
    """The order in force; None when there is none, or when its time is over."""
    if pool.manual_workers is None:
        return None
    if pool.manual_until is not None and pool.manual_until <= (at or now()):
        return None
    return ManualOrder(pool.manual_workers, pool.manual_until, pool.manual_by)
