"""What a stress test is to do: every parameter with its bounds, default and help, declared once.

The API's request and `parameters`, the plan, and the check of the service derive from it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from uuid import UUID

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from controlplane.core.errors import FieldError, Invalid
from controlplane.core.names import InvalidNameError, canonical_name, check_name
from controlplane.stress.states import StressShape, StressType

QUEUE = "stress"
MAX_MS = 60_000
MAX_SHARE = 0.8  # of dependents: four of the five tasks of a chain
MAX_SEED = 2**31 - 1
MAX_NAME = 200
_MAX_SUBMITTING_SECONDS = 86_400
# Seconds of all tasks together: waiting ones run side by side, busy ones each take a core.
_MAX_WAITING_SECONDS, _MAX_BUSY_SECONDS = 1_000_000, 86_400

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class StressTestSpec(BaseModel):
    """The parameters of a stress test. Their names in the API are camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        from_attributes=True,
        extra="forbid",
        frozen=True,
        use_enum_values=True,
        validate_default=True,
    )

    tasks: int = Field(ge=1, strict=True, description="Number of tasks, up to STRESS_MAX_TASKS.")
    type: StressType = Field(StressType.SLEEP, description="What each task does.")
    duration_ms: float = Field(
        100.0, ge=0, le=MAX_MS, allow_inf_nan=False, description="Milliseconds that a task takes."
    )
    failure_rate: Share = Field(
        0.0, description="Share of the tasks that fail for good; with `flaky`, once."
    )
    dependent_share: float = Field(
        0.0, ge=0, le=MAX_SHARE, allow_inf_nan=False, description="Share that waits for others."
    )
    shape: StressShape = Field(StressShape.MIXED, description="Shape of the dependents.")
    rate_per_second: float | None = Field(
        None,
        ge=0.1,
        le=10_000,
        allow_inf_nan=False,
        description="Maximum tasks submitted per second; null: no limit.",
    )
    name: str = Field("", max_length=MAX_NAME, description="Name of the test and its tasks.")
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, strict=True, description="Decides which tasks fail; null: drawn."
    )

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        """The limits that need more than one field."""
        limit: int = settings.TASKPLANE_STRESS["MAX_TASKS"]
        if self.tasks > limit:
            raise _problem("tasks", f"Use a whole number from 1 to {limit:,} (STRESS_MAX_TASKS).")
        maximum = _MAX_BUSY_SECONDS if self.type == StressType.CPU else _MAX_WAITING_SECONDS
        seconds = 0 if self.type == StressType.NOOP else self.tasks * self.duration_ms / 1_000
        if seconds > maximum:
            raise _problem(
                "durationMs",
                f"{self.tasks:,} tasks of {self.duration_ms:g} ms are {seconds:,.0f} s of work; "
                f"at most {maximum:,} s are allowed for this type.",
            )
        rate = self.rate_per_second
        if rate is not None and self.tasks / rate > _MAX_SUBMITTING_SECONDS:
            raise _problem(
                "ratePerSecond", "At this rate it takes longer than a day to submit all tasks."
            )
        try:
            if self.name:
                check_name(self.name, limit=MAX_NAME)
        except InvalidNameError as error:
            raise _problem("name", str(error)) from error
        return self

    @property
    def title(self) -> str:
        """The name of the test, made of the other parameters when there is none."""
        return canonical_name(self.name) or f"{self.tasks:,} tasks, {self.type}"

    @property
    def task_ms(self) -> float:
        """Milliseconds that each task takes."""
        return 0 if self.type == StressType.NOOP else self.duration_ms


def parse_spec(values: Mapping[str, Any]) -> StressTestSpec:
    """The spec of these values, by the names of the fields or of the API. Raises Invalid."""
    try:
        return StressTestSpec.model_validate(values)
    except ValidationError as error:
        raise Invalid(errors=[_field_error(each) for each in error.errors()]) from error


def spec_of(test: Any) -> StressTestSpec:
    """The spec of a stored test, which is not checked again: limits may have changed since."""
    return StressTestSpec.model_construct(
        **{name: getattr(test, name) for name in StressTestSpec.model_fields}
    )


def tag_of(test_id: UUID) -> str:
    """The tag of a test's tasks: the random end of its id."""
    return f"stress:{str(test_id)[-12:]}"


def parameters_of(test: Any) -> dict[str, Any]:
    """The parameters of a stored test, by their names in the API, without its name."""
    return spec_of(test).model_dump(by_alias=True, exclude={"name"})


def _problem(field: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("stress_limit", "{text}", {"field": field, "text": message})


def _field_error(error: ErrorDetails) -> FieldError:
    field = error.get("ctx", {}).get("field") or ".".join(map(str, error["loc"]))
    return FieldError(field=to_camel(field), message=f"{error['msg'].rstrip('.')}.")
