"""The steps of a span: what the charts draw, their tables list, and the files have."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane.ops.performance.span import Span
from tasks_app.queries.performance import Figures, Performance, quantile, summarize_span
from tasks_app.queries.samples import Samples, read_samples

# What ended in the last seconds is not summed up yet.
_LATEST = timedelta(seconds=15)
_HALF, _MOST = 0.50, 0.95


@dataclass(frozen=True, slots=True)
class Step:
    """One step with its beginning. `figures` is None before the first task of the workspace;
    `waiting`, `running` and `slots` are None where nothing was sampled."""

    at: datetime
    seconds: float
    figures: Figures | None
    waiting: float | None
    running: float | None
    slots: float | None

    @property
    def submitted_per_second(self) -> float | None:
        return self._per_second("submitted")

    @property
    def started_per_second(self) -> float | None:
        return self._per_second("started")

    @property
    def completed_per_second(self) -> float | None:
        return self._per_second("completed")

    @property
    def retrying_per_second(self) -> float | None:
        return self._per_second("retried")

    @property
    def failed_per_second(self) -> float | None:
        return self._per_second("failed_tasks")

    @property
    def cancelled_per_second(self) -> float | None:
        return self._per_second("cancelled")

    @property
    def error_rate(self) -> float | None:
        return None if self.figures is None else self.figures.error_rate

    @property
    def attempt_error_rate(self) -> float | None:
        return None if self.figures is None else self.figures.attempt_error_rate

    @property
    def wait_p50_ms(self) -> float | None:
        return self._wait(_HALF)

    @property
    def wait_p95_ms(self) -> float | None:
        return self._wait(_MOST)

    @property
    def run_p50_ms(self) -> float | None:
        return self._run(_HALF)

    @property
    def run_p95_ms(self) -> float | None:
        return self._run(_MOST)

    def _per_second(self, name: str) -> float | None:
        return None if self.figures is None else getattr(self.figures, name) / self.seconds

    def _wait(self, share: float) -> float | None:
        found = self.figures
        return None if found is None else quantile(found.waits, share, found.longest_wait_ms)

    def _run(self, share: float) -> float | None:
        found = self.figures
        return None if found is None else quantile(found.runs, share, found.longest_run_ms)


def read_figures(workspace_id: UUID, span: Span, types: Sequence[str]) -> Performance:
    """The figures of a workspace within a span, of these types or of all. Raises Invalid when
    reading them takes too long."""
    return summarize_span(
        workspace_id, span.begin, span.end, span.unit, span.step, types=list(types)
    )


def read_steps(workspace_id: UUID, span: Span, found: Performance) -> list[Step]:
    """The steps of these figures that are over, with the samples of the workspace."""
    last = span.begin + span.step * (span.buckets - 1)
    return list_steps(found, span, read_samples(workspace_id, span.begin, last, span.step))


def list_steps(found: Performance, span: Span, samples: Samples) -> list[Step]:
    """The figures and the samples of each step that is over."""
    sampled = zip(samples.waiting, samples.running, samples.slots, strict=True)
    return [
        Step(
            at=at,
            seconds=span.step.total_seconds(),
            figures=figures if at + found.step > found.measured_from else None,
            waiting=waiting,
            running=running,
            slots=slots,
        )
        for (at, figures), (waiting, running, slots) in zip(found.series, sampled, strict=False)
        if _is_over(at, span)
    ]


def list_whole_steps(span: Span) -> list[datetime]:
    """The beginnings of the steps that are over."""
    steps = (span.begin + span.step * number for number in range(span.buckets))
    return [at for at in steps if _is_over(at, span)]


def _is_over(at: datetime, span: Span) -> bool:
    return at + span.step <= span.end - _LATEST
