"""Stress tests, their tasks, and samples of their progress. Only `transitions.py` writes
`state`."""

from django.db import models
from django.db.models import Q

from controlplane.ops.stress.states import (
    ENDED,
    OPEN,
    StressShape,
    StressState,
    StressType,
    Verdict,
)
from tasks_app.batches import Batch, BatchItem

_OPEN = sorted(state.value for state in OPEN)
_ENDED = sorted(state.value for state in ENDED)


class StressTest(Batch):
    """One test: its parameters (see `spec`), its progress, and its report."""

    name = models.CharField(max_length=200)
    state = models.CharField(
        max_length=9, choices=StressState.choices, default=StressState.PREPARING
    )
    tasks = models.PositiveIntegerField()
    type = models.CharField(max_length=5, choices=StressType.choices)
    duration_ms = models.FloatField()
    failure_rate = models.FloatField()
    dependent_share = models.FloatField()
    shape = models.CharField(max_length=6, choices=StressShape.choices)
    seed = models.BigIntegerField()

    dependents = models.PositiveIntegerField(default=0)  # submitted ones
    groups = models.PositiveIntegerField(default=0, db_column="families")  # chains and fan-ins
    edges = models.PositiveIntegerField(default=0, db_default=0)  # submitted dependencies
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    expected_failed = models.PositiveIntegerField(default=0)  # of what is submitted
    expected_cancelled = models.PositiveIntegerField(default=0)  # since a parent fails
    waiting = models.PositiveIntegerField(default=0)  # in the queue, when it was last counted
    running = models.PositiveIntegerField(default=0)  # as `waiting`
    peak_running = models.PositiveIntegerField(default=0)  # exact with the report
    peak_waiting = models.PositiveIntegerField(default=0)
    waits = models.JSONField(
        default=dict
    )  # distributions of controlplane.core.runtime.histograms, as JSON
    runs = models.JSONField(default=dict)
    sample_seconds = models.FloatField(default=1.0)  # between two samples; doubles as they get many
    audit = models.JSONField(null=True)  # AuditCounts of the tasks up to audited_to
    audited_to = models.BigIntegerField(null=True)  # the last item that was audited

    begun_at = models.DateTimeField(null=True)
    submitted_at = models.DateTimeField(null=True)  # the last task
    counted_at = models.DateTimeField(null=True, db_column="looked_at")
    sampled_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True, db_column="moved_at")  # when a count last changed
    cancelled_at = models.DateTimeField(null=True)  # when a stop last cancelled the open tasks

    ends_as = models.CharField(
        max_length=9, choices=StressState.choices, default=StressState.DONE
    )  # after CHECKING
    stopped_by = models.CharField(max_length=200, blank=True, default="")
    environment = models.JSONField(default=dict)  # versions, nodes and slots when it began
    verdict = models.CharField(max_length=6, choices=Verdict.choices, blank=True, default="")
    report = models.JSONField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "stress test"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"], name="stress_one_at_a_time", condition=Q(state__in=_OPEN)
            ),
            models.CheckConstraint(
                name="stress_reported_iff_ended",
                condition=Q(
                    state__in=_ENDED,
                    finished_at__isnull=False,
                    report__isnull=False,
                )
                & ~Q(verdict="")
                | Q(state__in=_OPEN, finished_at__isnull=True, report__isnull=True, verdict=""),
            ),
            models.CheckConstraint(
                name="stress_shares_are_shares",
                condition=Q(
                    failure_rate__gte=0,
                    failure_rate__lte=1,
                    dependent_share__gte=0,
                    dependent_share__lte=1,
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="stress_list"),
            models.Index(fields=["id"], name="stress_open", condition=Q(state__in=_OPEN)),
        ]

    def __str__(self) -> str:
        return self.name


class StressTask(BatchItem):
    """One task of a test, and its expected outcome."""

    test = models.ForeignKey(
        StressTest, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    number = models.PositiveIntegerField()  # in the plan, from 0
    expected = models.CharField(max_length=1)  # a letter of controlplane.ops.stress.plan

    class Meta:
        constraints = [
            # A task of the plan is submitted once.
            models.UniqueConstraint(fields=["test", "number"], name="stresstask_once")
        ]
        indexes = [
            models.Index(fields=["test", "id"], name="stresstask_of_test"),
            models.Index(fields=["test", "id"], name="stresstask_open", condition=Q(outcome="")),
        ]

    def __str__(self) -> str:
        return f"task {self.number} of {self.test_id}"


class StressSample(models.Model):
    """The counts of a test at one moment."""

    id = models.BigAutoField(primary_key=True)
    test = models.ForeignKey(
        StressTest, on_delete=models.CASCADE, related_name="samples", db_index=False
    )
    at = models.DateTimeField()
    submitted = models.PositiveIntegerField()
    ended = models.PositiveIntegerField()
    waiting = models.PositiveIntegerField()
    running = models.PositiveIntegerField()
    workers = models.PositiveIntegerField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["test", "id"], name="stresssample_of_test")]

    def __str__(self) -> str:
        return f"{self.ended} of {self.submitted} at {self.at}"
