"""Stress tests, the tasks of each in chunks, and how it went over time.

A chunk holds the ids of the tasks that were submitted together, so that a test finds its tasks by
their primary key, some at a time. Only `transitions.py` writes `state`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.stress.states import ENDED, OPEN, StressShape, StressState, StressType, Verdict

_OPEN = sorted(state.value for state in OPEN)
_ENDED = sorted(state.value for state in ENDED)


class StressTest(models.Model):
    """One test: what was asked, how far it is, and its report."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    name = models.CharField(max_length=200)
    state = models.CharField(
        max_length=9, choices=StressState.choices, default=StressState.PREPARING
    )
    # As asked.
    tasks = models.PositiveIntegerField()
    type = models.CharField(max_length=5, choices=StressType.choices)
    duration_ms = models.FloatField()
    failure_rate = models.FloatField()  # 0…1 of the tasks
    dependent_share = models.FloatField()  # 0…0.8 of the tasks
    shape = models.CharField(max_length=6, choices=StressShape.choices)
    rate_per_second = models.FloatField(null=True)  # null: as fast as it goes
    seed = models.BigIntegerField()  # decides which tasks fail

    # How far it is.
    submitted = models.PositiveIntegerField(default=0)
    dependents = models.PositiveIntegerField(default=0)  # of those
    families = models.PositiveIntegerField(default=0)  # chains and fan-ins among those
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    expected_failed = models.PositiveIntegerField(default=0)  # of what is submitted
    expected_cancelled = models.PositiveIntegerField(default=0)  # since a parent fails
    waiting = models.PositiveIntegerField(default=0)  # at the last look, as the next
    running = models.PositiveIntegerField(default=0)
    peak_running = models.PositiveIntegerField(default=0)  # exact with the report
    peak_waiting = models.PositiveIntegerField(default=0)
    waits = models.JSONField(default=dict)  # distributions of tasks_app.histograms, as JSON
    runs = models.JSONField(default=dict)
    sample_seconds = models.FloatField(default=1.0)  # between two samples; doubles as they get many

    begun_at = models.DateTimeField(null=True)
    last_submit_at = models.DateTimeField(null=True)  # from which the rate counts
    submitted_at = models.DateTimeField(null=True)  # the last task
    looked_at = models.DateTimeField(null=True)
    sampled_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)  # when a count last changed
    finished_at = models.DateTimeField(null=True)

    ends_as = models.CharField(
        max_length=9, choices=StressState.choices, default=StressState.DONE
    )  # after CHECKING
    stop_reason = models.TextField(blank=True, default="")
    stopped_by = models.CharField(max_length=200, blank=True, default="")
    environment = models.JSONField(default=dict)  # versions, nodes and slots when it began
    verdict = models.CharField(max_length=6, choices=Verdict.choices, blank=True, default="")
    report = models.JSONField(null=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)

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


class StressChunk(models.Model):
    """Tasks that were submitted together, what is to become of each, and what has."""

    id = models.BigAutoField(primary_key=True)
    test = models.ForeignKey(
        StressTest, on_delete=models.CASCADE, related_name="chunks", db_index=False
    )
    number = models.PositiveIntegerField()
    task_ids = ArrayField(models.UUIDField())
    fates = models.TextField()  # a letter for each task, of controlplane.stress.planning
    edges = models.PositiveIntegerField()
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    is_over = models.BooleanField(default=False)  # none of its tasks is left to wait for
    looked_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)  # when a stop last cancelled its tasks
    facts = models.JSONField(null=True)  # of the check; see stress.facts, stress.flights

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["test", "number"], name="stresschunk_unique_number")
        ]
        indexes = [
            models.Index(
                fields=["test", "looked_at"],
                name="stresschunk_open",
                condition=Q(is_over=False),
            )
        ]

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.test_id}"


class StressSample(models.Model):
    """Where a test stood at one moment."""

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
