"""The pool: its configuration, its manual override, and the number that it publishes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Invalid
from scaling.models import Pool
from scaling.schema import SETTINGS, Configuration, find_errors

POOL = "default"
AUTOSCALER = "autoscaler"  # the name of its leader row
_FRESH_SECONDS = 60.0
_FRESH_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class ManualOverride:
    """A number of workers that a person set and that is in force, for good if `until` is None."""

    workers: int
    until: datetime | None
    by: str


def get_pool() -> Pool:
    """The installation's only pool; created if there is none yet."""
    return Pool.objects.get_or_create(name=POOL)[0]


def read_pool() -> Pool:
    """The pool, for reads: an unsaved one with the defaults when there is none yet."""
    return Pool.objects.filter(name=POOL).first() or Pool(name=POOL)


def get_environment() -> dict[str, Any]:
    """The values of the environment by field name."""
    return {name: settings.TASKPLANE_SCALING[name.upper()] for name in SETTINGS}


def get_values(pool: Pool) -> dict[str, Any]:
    """The values in force by field name, even if they contradict each other. Overrides of names
    that no longer exist are ignored."""
    return get_environment() | {n: v for n, v in pool.overrides.items() if n in SETTINGS}


def read_objective() -> float:
    """The seconds within which a task should start."""
    return float(get_values(read_pool())["objective_seconds"])


def validate(values: Mapping[str, Any]) -> Configuration:
    """The configuration with these values. Raises Invalid, whose errors name the API's fields."""
    errors = [
        FieldError(field=SETTINGS[name].api if name in SETTINGS else name[:100], message=message)
        for name, message in find_errors(values)
    ]
    if errors:
        raise Invalid(errors=errors)
    return Configuration(**values)


def get_configuration(pool: Pool | None = None) -> Configuration:
    """The values in force: those of the environment, with changes from API and admin.

    Raises Invalid: overrides no longer fit the environment, such as a minimum above its new
    maximum.
    """
    return validate(get_values(pool or get_pool()))


def get_sound_configuration(pool: Pool) -> Configuration:
    """As get_configuration. Raises Conflict, which explains how to repair it."""
    try:
        return get_configuration(pool)
    except Invalid as error:
        raise Conflict(advise(error)) from error


def describe_configuration(pool: Pool) -> dict[str, Any]:
    """The values in force by field name, the source of each, and who changed them last."""
    return {
        **get_values(pool),
        "backend": get_backend(pool),
        "version": pool.version,
        "changed_at": pool.changed_at,
        "changed_by": pool.changed_by or None,
        "sources": {
            setting.api: "changed" if name in pool.overrides else "environment"
            for name, setting in SETTINGS.items()
        },
    }


def find_contradiction(pool: Pool) -> str:
    """The overrides that no longer fit the environment, and what to do; empty if all fit."""
    try:
        get_configuration(pool)
    except Invalid as error:
        return advise(error)
    return ""


def find_problem(pool: Pool) -> str:
    """Why the number of workers cannot be changed; empty if it can."""
    return find_contradiction(pool) or str(pool.problem)


def advise(error: Invalid) -> str:
    """The contradictions and what to do about them, in sentences."""
    details = " ".join(f"{each['field']}: {each['message']}" for each in error.errors) or str(error)
    fields = ", ".join(f'"{each["field"]}": null' for each in error.errors)
    return (
        f"Values that were changed at run time no longer fit the environment. {details} Nothing is "
        "scaled until you change them, or reset them to the environment's values (in the API: POST "
        f"/auto-scaling/config with {{{fields}}})."
    )


def get_backend(pool: Pool) -> str:
    """The name of the back-end: that of the loop's last pass, before that the environment's."""
    return pool.backend or str(settings.TASKPLANE_SCALING["BACKEND"])


def get_manual_override(pool: Pool, at: datetime | None = None) -> ManualOverride | None:
    """The override in force; None when there is none, or when it has expired."""
    if pool.manual_workers is None:
        return None
    if pool.manual_until is not None and pool.manual_until <= (at or now()):
        return None
    return ManualOverride(pool.manual_workers, pool.manual_until, pool.manual_by)


def get_published(pool: Pool) -> int | None:
    """The desired workers of the loop's last pass, for KEDA, an HPA or a person: 0 if no task
    waits, runs or is expected and there is no override; the present number while auto-scaling is
    off. None if the loop has not decided for a while."""
    if pool.decided_at is None:
        return None
    interval: float = settings.TASKPLANE_SCALING["INTERVAL_SECONDS"]
    fresh = timedelta(seconds=max(_FRESH_SECONDS, _FRESH_INTERVALS * interval))
    if now() - pool.decided_at > fresh:
        return None
    if pool.target is None:
        return int(pool.ready + pool.starting)
    is_idle = pool.is_idle and get_manual_override(pool) is None
    return 0 if is_idle else int(pool.target)
