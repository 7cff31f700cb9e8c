"""Changing what an operator decides about the fleet, while it runs."""

import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict, FieldError, Invalid
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from scaling.configuration import Configuration
from scaling.models import Pool
from scaling.selectors.pool import API_NAMES, POOL, get_pool, get_values
from scaling.strategies import STRATEGIES

_MOST = 10**9
_DAY = 86_400.0
# The same bounds as those of the environment (controlplane.settings.parts.scaling).
WHOLE_NUMBERS: Mapping[str, tuple[int, int]] = {
    "min_workers": (0, 1_000),
    "max_workers": (1, 1_000),
    "scale_up_threshold": (1, _MOST),
    "scale_down_threshold": (0, _MOST),
}
NUMBERS: Mapping[str, tuple[float, float]] = {
    "cooldown": (0.0, _DAY),
    "down_cooldown": (0.0, _DAY),
    "objective": (0.1, _DAY),
    "goal": (0.5, 1.0),
    "stabilisation": (0.0, _DAY),
}
FLAGS = ("enabled", "use_forecast")


def check_changes(changes: Mapping[str, Any | None]) -> None:
    """What change_configuration checks of the values. Raises Invalid."""
    _merged(get_pool(), changes)


@transaction.atomic
def change_configuration(
    changes: Mapping[str, Any | None],
    *,
    workspace_id: UUID,
    actor: Actor,
    seen_version: int | None = None,
) -> Pool:
    """Change some values, by the names of `Configuration`; None puts one back to that of the
    environment. The fleet serves all workspaces; `workspace_id` is the one in whose name it is
    done, and audited. What changes nothing leaves no trace.

    Raises:
        Invalid: a value is not allowed, or the values contradict each other. Each error names its
            field as the API does.
        Conflict: it is no longer at `seen_version`.
    """
    _checked(changes)  # before the lock
    pool = lock_pool()
    if seen_version is not None and seen_version != pool.version:
        raise Conflict(f"{pool.changed_by} changed it meanwhile: look again, then change it.")
    before = get_values(pool)
    known, overrides = _merged(pool, changes)
    if overrides == known:
        return pool
    pool.overrides = overrides
    pool.version += 1
    pool.changed_at = now()
    pool.changed_by = actor.label
    pool.save(update_fields=["overrides", "version", "changed_at", "changed_by"])
    after = get_values(pool)
    record_audit(
        workspace=workspace_id,
        actor=actor,
        action="scaling.configure",
        target_type="pool",
        target_id=pool.name,
        detail={
            "version": pool.version,
            "changes": {
                API_NAMES[name]: {
                    "before": before[name],
                    "after": after[name],
                    "source": "changed" if name in overrides else "environment",
                }
                for name in changes
                if known.get(name) != overrides.get(name)
            },
        },
    )
    return pool


def lock_pool() -> Pool:
    """The pool, locked until the transaction ends."""
    get_pool()
    return Pool.objects.select_for_update().get(name=POOL)


def _merged(pool: Pool, changes: Mapping[str, Any | None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pool's own values, as they are and as the changes make them. Raises Invalid."""
    given, names = _checked(changes), get_values(pool)
    known = {name: value for name, value in pool.overrides.items() if name in names}
    overrides = {name: value for name, value in {**known, **given}.items() if value is not None}
    Configuration.from_environment().changed(overrides)
    return known, overrides


def _checked(changes: Mapping[str, Any | None]) -> dict[str, Any]:
    """The values in their own type. Raises Invalid."""
    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in changes.items():
        try:
            found[name] = None if value is None and name in API_NAMES else _read(name, value)
        except ValueError as error:
            errors.append({"field": API_NAMES.get(name, name)[:100], "message": str(error)})
    if errors:
        raise Invalid(errors=errors)
    return found


def _read(name: str, value: Any) -> Any:
    if name in FLAGS:
        if not isinstance(value, bool):
            raise ValueError("true or false.")
        return value
    if name == "strategy":
        if value not in STRATEGIES:
            raise ValueError(f"One of {', '.join(STRATEGIES)}.")
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in WHOLE_NUMBERS:
        least, most = WHOLE_NUMBERS[name]
        if not is_number or isinstance(value, float) or not least <= value <= most:
            raise ValueError(f"A whole number from {least:,} to {most:,}.")
        return value
    if name in NUMBERS:
        low, high = NUMBERS[name]
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"A number from {low:,g} to {high:,g}.")
        return float(value)
    raise ValueError(f"Unknown; known are {', '.join(API_NAMES.values())}.")
