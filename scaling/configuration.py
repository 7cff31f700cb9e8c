"""What an operator decides about the fleet: from the environment, then changed while it runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from django.conf import settings

from controlplane.core.errors import FieldError, Invalid
from scaling.strategies import STRATEGIES, Settings


@dataclass(frozen=True, slots=True)
class Configuration:
    """The values in force. Times in seconds. The names are also those of `Pool.overrides`.

    cooldown, down_cooldown: how long the threshold rule rests after it grew or shrank.
    objective, goal: within this a task should start; the share of tasks that must.
    stabilisation: for how long a higher wish forbids to shrink.
    """

    enabled: bool
    strategy: str
    min_workers: int
    max_workers: int
    scale_up_threshold: int
    scale_down_threshold: int
    cooldown: float
    down_cooldown: float
    objective: float
    goal: float
    stabilisation: float
    use_forecast: bool

    @classmethod
    def from_environment(cls) -> Self:
        """As the settings say."""
        given = settings.TASKPLANE_SCALING
        return cls(
            enabled=given["ENABLED"],
            strategy=given["STRATEGY"],
            min_workers=given["MIN_WORKERS"],
            max_workers=given["MAX_WORKERS"],
            scale_up_threshold=given["SCALE_UP_THRESHOLD"],
            scale_down_threshold=given["SCALE_DOWN_THRESHOLD"],
            cooldown=given["SCALE_UP_COOLDOWN"],
            down_cooldown=given["SCALE_DOWN_COOLDOWN"],
            objective=given["OBJECTIVE_SECONDS"],
            goal=given["GOAL"],
            stabilisation=given["STABILISATION_SECONDS"],
            use_forecast=given["USE_FORECAST"],
        )

    def changed(self, overrides: Mapping[str, Any]) -> Self:
        """With these values instead; names that no longer exist are ignored.

        Raises Invalid: the values contradict each other.
        """
        known = {field.name for field in fields(self)}
        made = replace(self, **{k: v for k, v in overrides.items() if k in known})
        errors = made.find_errors()
        if errors:
            raise Invalid(errors=errors)
        return made

    def find_errors(self) -> list[FieldError]:
        """What of it cannot be; each error names the field as in the API."""
        wrong: list[FieldError] = []
        if self.strategy not in STRATEGIES:
            wrong.append({"field": "strategy", "message": f"One of {', '.join(STRATEGIES)}."})
        if self.min_workers > self.max_workers:
            message = f"It must not be above maxWorkers, which is {self.max_workers}."
            wrong.append({"field": "minWorkers", "message": message})
        if self.scale_down_threshold > self.scale_up_threshold:
            message = f"It must not be above scaleUpThreshold, which is {self.scale_up_threshold}."
            wrong.append({"field": "scaleDownThreshold", "message": message})
        return wrong

    def for_strategies(self, slots: int) -> Settings:
        """As a strategy takes them. `slots` is how many a worker has."""
        return Settings(
            min_workers=self.min_workers,
            max_workers=self.max_workers,
            scale_up_threshold=self.scale_up_threshold,
            scale_down_threshold=self.scale_down_threshold,
            raise_cooldown=self.cooldown,
            lower_cooldown=self.down_cooldown,
            objective=self.objective,
            goal=self.goal,
            slots=slots,
            # `objective` has no other damping: its window stays three times as long.
            hold=3 * self.stabilisation,
            short_hold=self.stabilisation,
            use_forecast=self.use_forecast,
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)
