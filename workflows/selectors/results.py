"""What the steps of a run gave, as much of it as one answer may carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from workflows.models import RunStep

MOST_INLINE_BYTES = 64 * 1024
MOST_INLINE_BYTES_IN_ALL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StepResult:
    """The value, or None when it is left out; `size` is its bytes as JSON all the same."""

    value: Any
    size: int


def get_results(workspace_id: UUID, run_id: UUID, keys: Sequence[str]) -> dict[str, StepResult]:
    """The results of these steps of a run: those of up to 64 KiB, in order, until 1 MiB is full."""
    steps = RunStep.objects.filter(run__workspace_id=workspace_id, run_id=run_id, key__in=keys)
    sizes = dict(
        steps.filter(result_bytes__gt=0).order_by("position").values_list("key", "result_bytes")
    )
    wanted, total = [], 0
    for key, size in sizes.items():
        if size <= MOST_INLINE_BYTES and total + size <= MOST_INLINE_BYTES_IN_ALL:
            wanted.append(key)
            total += size
    values = dict(steps.filter(key__in=wanted).values_list("key", "result")) if wanted else {}
    return {key: StepResult(values.get(key), size) for key, size in sizes.items()}
