"""Settings of stress tests; docs/configuration.md describes each variable."""

from typing import Any

from controlplane.settings.env import env

TASKPLANE_STRESS: dict[str, Any] = {
    "MAX_TASKS": env.integer("STRESS_MAX_TASKS", 100_000, minimum=1, maximum=1_000_000),
    "QUIET_SECONDS": env.decimal("STRESS_QUIET_SECONDS", 300.0, minimum=1, maximum=86_400),
    "RETENTION_DAYS": env.integer("STRESS_RETENTION_DAYS", 365, minimum=1, maximum=36_500),
    # Outside development a test must be confirmed by name.
    "MUST_CONFIRM": env.choice("TASKPLANE_ENV", "dev", allowed=("dev", "production"))
    == "production",
}
