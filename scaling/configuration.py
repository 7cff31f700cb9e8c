"""Changes of the operator's configuration at run time."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.core.clock import now
from controlplane.core.errors import Conflict
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.services import record_audit
from scaling.models import Pool
from scaling.queries.pool import POOL, get_environment, get_pool, get_values, validate
from scaling.schema import SETTINGS


def check_changes(changes: Mapping[str, Any | None]) -> None:
    """The checks of change_configuration. Raises Invalid."""
    _merge(get_pool(), changes)


@transaction.atomic
def change_configuration(
    changes: Mapping[str, Any | None],
    *,
    workspace_id: UUID,
    actor: Actor,
    seen_version: int | None = None,
) -> Pool:
    """Change some values, by the field names of `Configuration`; None resets one to that of the
    environment. The fleet serves all workspaces; `workspace_id` is the workspace whose audit log
    records the change. A call that changes nothing is not recorded.

    Raises:
        Invalid: a value is not allowed, or the values contradict each other. Each error names its
            field as the API does.
        Conflict: it is no longer at `seen_version`.
    """
    pool = lock_pool()
    if seen_version is not None and seen_version != pool.version:
        raise Conflict(
            f"{pool.changed_by} has changed the configuration since: reload it, then change it."
        )
    before = get_values(pool)
    known, overrides = _merge(pool, changes)
    if overrides == known:
        return pool
    pool.overrides = overrides
    pool.version += 1
    pool.changed_at = now()
    pool.changed_by = actor.label
    pool.save(update_fields=["overrides", "version", "changed_at", "changed_by"])
    after = get_values(pool)
    changed = [name for name in changes if known.get(name) != overrides.get(name)]
    changed_values = {
        SETTINGS[name].api: {
            "before": before[name],
            "after": after[name],
            "source": "changed" if name in overrides else "environment",
        }
        for name in changed
    }
    detail = {"version": pool.version, "changes": changed_values}
    record_audit(workspace_id, actor, "scaling.configure", "pool", pool.name, detail)
    return pool


def lock_pool() -> Pool:
    """The pool, locked until the transaction ends."""
    get_pool()
    return Pool.objects.select_for_update().get(name=POOL)


def _merge(pool: Pool, changes: Mapping[str, Any | None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pool's own values, before and after the changes. Raises Invalid."""
    known = {name: value for name, value in pool.overrides.items() if name in SETTINGS}
    wanted = {**known, **changes}
    unknown = {name: value for name, value in changes.items() if name not in SETTINGS}
    overrides = {n: v for n, v in wanted.items() if v is not None and n in SETTINGS}
    checked = validate({**get_environment(), **overrides, **unknown})
    # In their own type: a number of seconds is a float.
    return known, {name: getattr(checked, name) for name in overrides}
