"""Settings of the fleet's size; docs/configuration.md describes each variable."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from controlplane.settings.env import env

FLEETS = ("advisory", "process", "docker", "kubernetes")

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
    # What API and admin may change while it runs; these are the values until they do.
    "ENABLED": env.flag("AUTO_SCALING_ENABLED", True),
    "STRATEGY": env.choice(
        "AUTO_SCALING_STRATEGY",
        "predictive",
        allowed=("predictive", "unguarded", "objective", "threshold"),
    ),
    "MIN_WORKERS": env.integer("MIN_WORKERS", 1, minimum=0, maximum=1_000),
    "MAX_WORKERS": env.integer("MAX_WORKERS", 10, minimum=1, maximum=1_000),
    "SCALE_UP_THRESHOLD": env.integer("SCALE_UP_THRESHOLD", 50, minimum=1, maximum=10**9),
    "SCALE_DOWN_THRESHOLD": env.integer("SCALE_DOWN_THRESHOLD", 10, minimum=0, maximum=10**9),
    "SCALE_UP_COOLDOWN": env.decimal("SCALE_UP_COOLDOWN", 60.0, minimum=0, maximum=86_400),
    "SCALE_DOWN_COOLDOWN": env.decimal("SCALE_DOWN_COOLDOWN", 120.0, minimum=0, maximum=86_400),
    "OBJECTIVE_SECONDS": env.decimal("AUTO_SCALING_OBJECTIVE", 60.0, minimum=0.1, maximum=86_400),
    "GOAL": env.decimal("AUTO_SCALING_GOAL", 0.95, minimum=0.5, maximum=1),
    "STABILISATION_SECONDS": env.decimal(
        "AUTO_SCALING_STABILISATION", 60.0, minimum=0, maximum=86_400
    ),
    "USE_FORECAST": env.flag("AUTO_SCALING_FORECAST", True),
}

if TASKPLANE_SCALING["MIN_WORKERS"] > TASKPLANE_SCALING["MAX_WORKERS"]:
    raise ImproperlyConfigured(
        f"MIN_WORKERS is {TASKPLANE_SCALING['MIN_WORKERS']} and MAX_WORKERS is "
        f"{TASKPLANE_SCALING['MAX_WORKERS']}: the minimum must not be above the maximum."
    )
if TASKPLANE_SCALING["SCALE_DOWN_THRESHOLD"] > TASKPLANE_SCALING["SCALE_UP_THRESHOLD"]:
    raise ImproperlyConfigured(
        f"SCALE_DOWN_THRESHOLD is {TASKPLANE_SCALING['SCALE_DOWN_THRESHOLD']} and "
        f"SCALE_UP_THRESHOLD is {TASKPLANE_SCALING['SCALE_UP_THRESHOLD']}: below the one it "
        "shrinks, at the other it grows, so the one must not be above the other."
    )
