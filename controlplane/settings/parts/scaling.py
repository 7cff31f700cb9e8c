"""Settings of the fleet's size; docs/configuration.md describes each variable."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from controlplane.settings.env import env
from scaling.schema import SETTINGS, Setting

__all__ = ["TASKPLANE_SCALING"]

FLEETS = ("advisory", "process", "docker", "kubernetes")


def _read(setting: Setting) -> Any:
    if setting.choices:
        return env.choice(setting.env, setting.default, allowed=setting.choices)
    if setting.kind is bool:
        return env.flag(setting.env, setting.default)
    read: Any = env.integer if setting.kind is int else env.decimal
    return read(setting.env, setting.default, minimum=setting.minimum, maximum=setting.maximum)


TASKPLANE_SCALING: dict[str, Any] = {
    # Where workers are started and stopped.
    "BACKEND": env.choice("AUTO_SCALING_BACKEND", "advisory", allowed=FLEETS),
    "INTERVAL_SECONDS": env.decimal("AUTO_SCALING_INTERVAL", 10.0, minimum=0.5, maximum=60),
    "START_TIMEOUT_SECONDS": env.decimal(
        "AUTO_SCALING_START_TIMEOUT", 300.0, minimum=5, maximum=86_400
    ),
    "DRAIN_TIMEOUT_SECONDS": env.decimal(
        "AUTO_SCALING_DRAIN_TIMEOUT", 900.0, minimum=5, maximum=604_800
    ),
    "DOCKER_PROJECT": env.text("AUTO_SCALING_DOCKER_PROJECT"),
    "DOCKER_SERVICE": env.text("AUTO_SCALING_DOCKER_SERVICE", "worker"),
    "DOCKER_TEMPLATE": env.text("AUTO_SCALING_DOCKER_TEMPLATE"),
    "KUBERNETES_NAMESPACE": env.text("AUTO_SCALING_KUBERNETES_NAMESPACE"),
    "KUBERNETES_DEPLOYMENT": env.text("AUTO_SCALING_KUBERNETES_DEPLOYMENT", "taskplane-worker"),
    "RETENTION_DAYS": env.integer("SCALING_RETENTION_DAYS", 90, minimum=1, maximum=36_500),
    # What API and admin may change while it runs: the fields of scaling.schema.Configuration.
    **{name.upper(): _read(setting) for name, setting in SETTINGS.items()},
}

for _lower in SETTINGS.values():
    if _lower.not_above and (
        TASKPLANE_SCALING[_lower.name.upper()] > TASKPLANE_SCALING[_lower.not_above.upper()]
    ):
        raise ImproperlyConfigured(
            f"{_lower.env} is {TASKPLANE_SCALING[_lower.name.upper()]} and "
            f"{SETTINGS[_lower.not_above].env} is {TASKPLANE_SCALING[_lower.not_above.upper()]}: "
            "the first must not be above the second."
        )
