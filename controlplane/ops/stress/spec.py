"""The parameters of a stress test with their bounds, defaults and help, declared once. The API's
request and `parameters`, the plan, and the check of the service derive from it.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.conf import settings
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from controlplane.core.errors import FieldError
from controlplane.core.names import InvalidNameError, canonical_name, check_name
from controlplane.core.schema import Request, represent
from controlplane.core.schema.fields import Number, OneOf, Text, Whole
from controlplane.ops.stress.states import StressShape, StressType

QUEUE = "stress"
MAX_MS = 60_000
MAX_SHARE = 0.8  # of dependents: four of the five tasks of a chain
MAX_SEED = 2**31 - 1
MAX_NAME = 200
_MAX_TASKS = 1_000_000  # that STRESS_MAX_TASKS may allow
_MAX_SUBMITTING_SECONDS = 86_400
# Seconds of all tasks together: waiting ones run side by side, busy ones each take a core.
_MAX_WAITING_SECONDS, _MAX_BUSY_SECONDS = 1_000_000, 86_400


class StressParameters(Request):
    """The parameters that determine the plan of a test."""

    # A stored test has them all.
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    tasks: Annotated[int, Whole(1, _MAX_TASKS)] = Field(
        description="Number of tasks, up to STRESS_MAX_TASKS."
    )
    type: Annotated[str, OneOf(tuple(StressType.values))] = Field(
        StressType.SLEEP.value, description="What each task does."
    )
    duration_ms: Annotated[float, Number(0, MAX_MS)] = Field(
        100.0, description="Milliseconds that a task takes."
    )
    failure_rate: Annotated[float, Number(0, 1)] = Field(
        0.0, description="Share of the tasks that fail for good, or once with `flaky`."
    )
    dependent_share: Annotated[float, Number(0, MAX_SHARE)] = Field(
        0.0, description="Share of the tasks that wait for others."
    )
    shape: Annotated[str, OneOf(tuple(StressShape.values))] = Field(
        StressShape.MIXED.value, description="Shape of the dependents."
    )
    rate_per_second: Annotated[float, Number(0.1, 10_000)] | None = Field(
        None, description="Maximum tasks submitted per second (default: no limit)."
    )
    seed: Annotated[int, Whole(0, MAX_SEED)] | None = Field(
        None,
        description="Decides which tasks fail, to repeat a test (default: drawn).",
    )

    def cross_check(self) -> Iterable[FieldError]:
        """Limits from settings, or that need more than one field."""
        limit: int = settings.TASKPLANE_STRESS["MAX_TASKS"]
        if self.tasks > limit:
            message = f"A whole number from 1 to {limit:,} (STRESS_MAX_TASKS)."
            yield {"field": "tasks", "message": message}
            return
        maximum = _MAX_BUSY_SECONDS if self.type == StressType.CPU else _MAX_WAITING_SECONDS
        seconds = self.tasks * self.task_ms / 1_000
        if seconds > maximum:
            message = (
                f"{self.tasks:,} tasks of {self.duration_ms:g} ms are {seconds:,.0f} s of work; "
                f"at most {maximum:,} s are allowed for this type."
            )
            yield {"field": "durationMs", "message": message}
        rate = self.rate_per_second
        if rate is not None and self.tasks / rate > _MAX_SUBMITTING_SECONDS:
            message = "At this rate it takes longer than a day to submit all tasks."
            yield {"field": "ratePerSecond", "message": message}

    @property
    def task_ms(self) -> float:
        return 0 if self.type == StressType.NOOP else self.duration_ms


class StressTestSpec(StressParameters):
    """A stress test to start on the queue `stress`."""

    example: ClassVar[Mapping[str, Any]] = {"tasks": 1_500, "type": "sleep", "durationMs": 3_000}

    name: Annotated[str, Text(MAX_NAME, minimum=0)] = Field(
        "", description="Name of the test and of its tasks."
    )

    def cross_check(self) -> Iterable[FieldError]:
        """Also the name."""
        yield from super().cross_check()
        try:
            if self.name:
                check_name(self.name, limit=MAX_NAME)
        except InvalidNameError as error:
            yield {"field": "name", "message": str(error)}

    @property
    def title(self) -> str:
        """The name of the test, derived from the other parameters if it has none."""
        return canonical_name(self.name) or f"{self.tasks:,} tasks, {self.type}"


def make_spec(**values: Any) -> StressTestSpec:
    """The spec with these values, by field name. Raises Invalid."""
    return StressTestSpec.read({to_camel(name): value for name, value in values.items()})


def read_parameters(test: Any) -> StressParameters:
    """The parameters of a stored test, which are not checked again: limits may have changed."""
    return StressParameters.model_construct(
        **{name: getattr(test, name) for name in StressParameters.model_fields}
    )


def parameters_of(test: Any) -> dict[str, Any]:
    return represent(StressParameters, test, None)


def tag_of(test_id: UUID) -> str:
    """The tag of a test's tasks: the random end of its id."""
    return f"stress:{str(test_id)[-12:]}"
