"""Schedules and their firings.

The definition (times, zone, enabled, start and end) is a PeriodicTask of django-celery-beat; a
`Schedule` beside it has everything that beat lacks. Only `transitions.py` writes a firing's
`state`.
"""

from django.db import models
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from controlplane.core.jsonb import JSONBField
from controlplane.ops.schedules.states import FiringKind, FiringState, Overlap, SkipReason, Source


class Schedule(models.Model):
    """One schedule of a workspace, beside its PeriodicTask."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    periodic_task = models.OneToOneField(
        "django_celery_beat.PeriodicTask", on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=150)
    # What it starts: exactly one of the two, or none for a plain Celery task of beat.
    task_type = models.CharField(max_length=200, blank=True, default="")
    workflow_id = models.UUIDField(null=True)
    payload = JSONBField(default=dict)  # a task's payload, or a run's input
    queue = models.CharField(max_length=100, blank=True, default="")  # "": the type's own
    priority = models.SmallIntegerField(default=0)
    max_attempts = models.IntegerField(null=True)
    overlap = models.CharField(max_length=5, choices=Overlap.choices, default=Overlap.SKIP)
    catch_up = models.BooleanField(default=False)
    catch_up_max = models.IntegerField(default=10)  # missed times that are made up for, the newest
    jitter_ms = models.IntegerField(default=0)  # a firing's task starts up to so much later
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.PERSON)
    code_name = models.CharField(max_length=200, blank=True, default="")  # of a schedules.py
    code_hash = models.CharField(max_length=64, blank=True, default="")  # of the declaration
    # The zone given; that of a crontab counts, if the PeriodicTask has one.
    timezone = models.CharField(max_length=64, default="UTC")
    timing = models.CharField(
        max_length=300, blank=True, default=""
    )  # what next_at was computed of
    considered_until = models.DateTimeField()  # every nominal time up to here has its firing
    next_at = models.DateTimeField(null=True)  # the next nominal time; null: none, or paused
    paused_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="schedule_unique_name"),
            models.UniqueConstraint(
                fields=["code_name"], name="schedule_unique_code", condition=~Q(code_name="")
            ),
            models.CheckConstraint(
                name="schedule_starts_one_thing",
                condition=Q(task_type="") | Q(workflow_id__isnull=True),
            ),
            models.CheckConstraint(
                name="schedule_numbers", condition=Q(catch_up_max__gte=0, jitter_ms__gte=0)
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], name="schedule_due", condition=Q(next_at__isnull=False)
            ),
            models.Index(fields=["workspace", "id"], name="schedule_list"),
        ]

    def __str__(self) -> str:
        return self.name


class Firing(models.Model):
    """The decision about one nominal time of one schedule, with its result. If `times` is above 1,
    the row has the same decision about several nominal times, from `scheduled_for` to `until`: a
    long outage or pause creates one row, not thousands.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    schedule = models.ForeignKey(
        Schedule, on_delete=models.CASCADE, related_name="firings", db_index=False
    )
    workspace_id = models.UUIDField()
    scheduled_for = models.DateTimeField()
    until = models.DateTimeField(null=True)
    times = models.IntegerField(default=1)
    kind = models.CharField(max_length=8, choices=FiringKind.choices)
    state = models.CharField(max_length=9, choices=FiringState.choices)
    skip_reason = models.CharField(
        max_length=10, choices=SkipReason.choices, blank=True, default=""
    )
    detail = models.TextField(blank=True, default="")  # the decision in a sentence
    task_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)  # of a workflow
    celery_id = models.CharField(max_length=64, blank=True, default="")  # of a plain Celery task
    late_ms = models.BigIntegerField(null=True)  # from scheduled_for to the decision
    error = models.JSONField(null=True)
    result = JSONBField(null=True)
    triggered_by = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-scheduled_for", "-id"]
        constraints = [
            # The guard against firing twice.
            models.UniqueConstraint(
                fields=["schedule", "scheduled_for"],
                name="firing_unique_time",
                condition=~Q(kind=FiringKind.MANUAL.value),
            ),
            models.CheckConstraint(
                name="firing_skipped_says_why",
                condition=~Q(state=FiringState.SKIPPED.value) | ~Q(skip_reason=""),
            ),
            models.CheckConstraint(name="firing_times_positive", condition=Q(times__gt=0)),
        ]
        indexes = [
            models.Index(fields=["schedule", "scheduled_for", "id"], name="firing_list"),
            models.Index(
                fields=["schedule", "id"],
                name="firing_open",
                condition=Q(state__in=["QUEUED", "STARTED"]),
            ),
            models.Index(fields=["decided_at"], name="firing_age"),
            # From a task to what started it.
            models.Index(
                fields=["task_id"], name="firing_of_task", condition=Q(task_id__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} at {self.scheduled_for}"
