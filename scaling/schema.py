"""The operator's configuration of auto-scaling. Each value is declared here, once.

From this model come the environment's variables (`controlplane.settings.parts.scaling`), the check
of every change, the API's request and response, the form of the admin, the names that
`manage.py scaling config` takes, and the settings of the strategies. `docs/configuration.md` and
`.env.example` are compared with it by `tests/unit/scaling/test_schema.py`.

The settings module reads this file, so it does not use Django.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

StrategyName = Literal["predictive", "unguarded", "objective", "threshold"]

MAX_WORKERS = 1_000
MAX_TASKS = 10**9
DAY_SECONDS = 86_400.0
# A manual override has these bounds.
MAX_REASON_LENGTH = 2_000
DEFAULT_HOLD_SECONDS = 300
MAX_HOLD_SECONDS = 604_800


def _setting(
    default: Any, env: str, label: str, description: str, *, not_above: str = "", **bounds: Any
) -> Any:
    """A field that an environment variable sets and an operator may change while it runs.

    not_above: the field whose value this one must not exceed; it must be declared before.
    """
    extra: dict[str, Any] = {"env": env, "not_above": not_above}
    return Field(default, title=label, description=description, json_schema_extra=extra, **bounds)


class Configuration(BaseModel):
    """The operator's configuration of the fleet. Times are in seconds."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=False,
    )

    enabled: bool = _setting(
        True,
        "AUTO_SCALING_ENABLED",
        "Auto-scaling",
        "Let the strategy decide; when off, the number of workers stays as it is.",
    )
    strategy: StrategyName = _setting(
        "predictive", "AUTO_SCALING_STRATEGY", "Strategy", "Rule that decides."
    )
    max_workers: int = _setting(
        10, "MAX_WORKERS", "Maximum workers", "Maximum number of workers.", ge=1, le=MAX_WORKERS
    )
    min_workers: int = _setting(
        1,
        "MIN_WORKERS",
        "Minimum workers",
        "Minimum number of workers.",
        not_above="max_workers",
        ge=0,
        le=MAX_WORKERS,
    )
    scale_up_threshold: int = _setting(
        50,
        "SCALE_UP_THRESHOLD",
        "Scale-up threshold",
        "Waiting tasks from which on a worker is added.",
        ge=1,
        le=MAX_TASKS,
    )
    scale_down_threshold: int = _setting(
        10,
        "SCALE_DOWN_THRESHOLD",
        "Scale-down threshold",
        "Waiting tasks from which on no worker is removed.",
        not_above="scale_up_threshold",
        ge=0,
        le=MAX_TASKS,
    )
    cooldown_seconds: float = _setting(
        60.0,
        "SCALE_UP_COOLDOWN",
        "Cooldown",
        "Seconds after a scale-up before the threshold rule scales up again.",
        ge=0,
        le=DAY_SECONDS,
    )
    down_cooldown_seconds: float = _setting(
        120.0,
        "SCALE_DOWN_COOLDOWN",
        "Scale-down cooldown",
        "Seconds after a scale-down before the threshold rule scales down again.",
        ge=0,
        le=DAY_SECONDS,
    )
    objective_seconds: float = _setting(
        60.0,
        "AUTO_SCALING_OBJECTIVE",
        "Objective",
        "Seconds within which a task should start.",
        ge=0.1,
        le=DAY_SECONDS,
    )
    goal: float = _setting(
        0.95,
        "AUTO_SCALING_GOAL",
        "Goal",
        "Share of tasks that must start within the objective.",
        ge=0.5,
        le=1,
    )
    stabilisation_seconds: float = _setting(
        60.0,
        "AUTO_SCALING_STABILISATION",
        "Stabilisation",
        "Seconds for which a higher recommendation prevents a scale-down.",
        ge=0,
        le=DAY_SECONDS,
    )
    use_forecast: bool = _setting(
        True,
        "AUTO_SCALING_FORECAST",
        "Forecast",
        "Let a trusted forecast raise the recommendation.",
    )

    @field_validator("min_workers", "scale_down_threshold")
    @classmethod
    def _check_pair(cls, value: Any, info: ValidationInfo) -> Any:
        other = SETTINGS[str(info.field_name)].not_above
        limit = info.data.get(other)
        if limit is not None and value > limit:
            raise PydanticCustomError(
                "not_above",
                "It must not be above {other}, which is {limit}.",
                {"other": SETTINGS[other].api, "limit": limit},
            )
        return value

    def to_json(self) -> dict[str, Any]:
        return self.model_dump()


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of the configuration, as its derived forms read it.

    kind: bool, int, float, or str where `choices` lists the values. minimum, maximum: of numbers,
    else None.
    """

    name: str
    api: str
    env: str
    label: str
    help: str
    default: Any
    kind: Any
    minimum: Any
    maximum: Any
    choices: tuple[str, ...]
    not_above: str

    @property
    def allowed(self) -> str:
        """The rule for a value, as the end of a sentence with "It must be"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind is bool:
            return "true or false"
        noun = "a whole number" if self.kind is int else "a number"
        return f"{noun} from {self.minimum:,g} to {self.maximum:,.10g}"


def _read(name: str, field: FieldInfo) -> Setting:
    choices = get_args(field.annotation)
    bounds = {bound: getattr(each, bound) for each in field.metadata for bound in ("ge", "le")
              if hasattr(each, bound)}  # fmt: skip
    extra = field.json_schema_extra
    if not isinstance(extra, dict) or field.alias is None or field.annotation is None:
        raise TypeError(f"declare {name} with _setting()")
    return Setting(
        name=name,
        api=field.alias,
        env=str(extra["env"]),
        label=str(field.title),
        help=str(field.description),
        default=field.default,
        kind=str if choices else field.annotation,
        minimum=bounds.get("ge"),
        maximum=bounds.get("le"),
        choices=choices,
        not_above=str(extra["not_above"]),
    )


SETTINGS: Mapping[str, Setting] = {
    name: _read(name, field) for name, field in Configuration.model_fields.items()
}
NAMES_BY_API: Mapping[str, str] = {each.api: each.name for each in SETTINGS.values()}


def find_errors(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The name and the message of each value that is wrong, or contradicts another one."""
    try:
        Configuration.model_validate(dict(values))
    except ValidationError as error:
        for each in error.errors(include_url=False):
            name = str(each["loc"][0])
            setting = SETTINGS.get(NAMES_BY_API.get(name, name))
            if setting is None:
                known = ", ".join(NAMES_BY_API)
                yield name, f"Unknown field; the fields are {known}."
            elif each["type"] == "not_above":
                yield setting.name, each["msg"]
            else:
                yield setting.name, f"It must be {setting.allowed}."
