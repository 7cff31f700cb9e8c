"""The pool of workers whose number is decided here, and the record of every decision."""

from django.db import models
from django.db.models import Q

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from scaling.states import OPEN_EVENTS, EventState, LaunchState, Trigger

_OPEN = sorted(state.value for state in OPEN_EVENTS)


class Pool(models.Model):
    """The workers of one installation: the operator's settings, and the present state."""

    name = models.CharField(max_length=50, primary_key=True)
    # What API or admin changed, by the field names of `scaling.schema.Configuration`.
    overrides = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.CharField(max_length=200, default="")
    # The manual override. It holds until the time, or for good without one.
    manual_workers = models.PositiveIntegerField(null=True)
    manual_until = models.DateTimeField(null=True)
    manual_by = models.CharField(max_length=200, default="")
    # As of the loop's last pass.
    backend = models.CharField(max_length=20, default="")
    decided_at = models.DateTimeField(null=True)
    target = models.PositiveIntegerField(null=True)
    ready = models.PositiveIntegerField(default=0)
    starting = models.PositiveIntegerField(default=0)
    draining = models.PositiveIntegerField(default=0)
    is_idle = models.BooleanField(default=True)  # nothing waits, runs or is expected
    problem = models.CharField(max_length=1000, default="")  # why the back-end cannot be moved
    # The loop's memory: `scaling.strategies.Memory` as JSON.
    memory = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "fleet"

    def __str__(self) -> str:
        return self.name


class ScalingEvent(models.Model):
    """One decision on the number of workers, with all its inputs and its result."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(default=now)
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    backend = models.CharField(max_length=20)
    strategy = models.CharField(max_length=40, default="")
    rule = models.CharField(max_length=20)
    constraint = models.CharField(max_length=20, default="")
    from_workers = models.PositiveIntegerField()
    recommended_workers = models.IntegerField()  # before stabilisation and limits
    to_workers = models.PositiveIntegerField()
    sentence = models.TextField()
    # `scaling.strategies.Decision.to_json()`; of a manual override, its reason.
    inputs = models.JSONField(default=dict)
    config_version = models.PositiveIntegerField(default=1)
    term = models.BigIntegerField(default=0)  # of the leader that decided
    actor_kind = models.CharField(max_length=6, default="system")
    actor_id = models.CharField(max_length=64, default="", blank=True)
    actor_label = models.CharField(max_length=200, default="system")
    workspace_id = models.UUIDField(null=True)  # in whose name a person decided

    state = models.CharField(max_length=11, choices=EventState.choices)
    # Workers that were chosen to be terminated: [{key, node, name, reason}].
    victims = models.JSONField(default=list)
    finished_at = models.DateTimeField(null=True)
    outcome = models.TextField(default="", blank=True)  # the result in a sentence
    interrupted_tasks = models.PositiveIntegerField(
        default=0
    )  # attempts that ended with a terminated node

    class Meta:
        ordering = ["-id"]
        verbose_name = "scaling event"
        constraints = [
            models.CheckConstraint(
                name="event_finished_unless_open",
                condition=Q(state__in=[*_OPEN, EventState.TIMED_OUT.value])
                | Q(finished_at__isnull=False),
            ),
            models.CheckConstraint(name="event_is_explained", condition=~Q(sentence="")),
        ]
        indexes = [
            models.Index(fields=["pool", "id"], name="event_list"),
            models.Index(
                fields=["pool", "id"],
                name="event_changes",
                condition=~Q(state=EventState.UNCHANGED.value),
            ),
            models.Index(
                fields=["at"],
                name="event_unchanged",
                condition=Q(state=EventState.UNCHANGED.value),
            ),
            models.Index(
                fields=["pool"],
                name="event_open",
                condition=Q(state__in=[*_OPEN, EventState.TIMED_OUT.value]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_workers} → {self.to_workers}, {self.state}"


class Launch(models.Model):
    """One requested worker, with its start-up time from the request."""

    id = models.BigAutoField(primary_key=True)
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="+", db_index=False)
    event = models.ForeignKey(
        ScalingEvent, on_delete=models.CASCADE, null=True, related_name="launches"
    )
    backend = models.CharField(max_length=20)
    # The back-end's name for it, where it is known at once; empty where it is not.
    key = models.CharField(max_length=200, default="")
    asked_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)  # ready, cancelled or failed
    node_id = models.IntegerField(null=True)
    state = models.CharField(
        max_length=9, choices=LaunchState.choices, default=LaunchState.STARTING
    )
    problem = models.CharField(max_length=1000, default="")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="launch_ended_unless_starting",
                condition=Q(state=LaunchState.STARTING.value, ended_at__isnull=True)
                | (~Q(state=LaunchState.STARTING.value) & Q(ended_at__isnull=False)),
            )
        ]
        indexes = [
            models.Index(fields=["pool", "backend", "id"], name="launch_newest"),
            models.Index(
                fields=["pool"],
                name="launch_starting",
                condition=Q(state=LaunchState.STARTING.value),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backend} {self.key} {self.state}"
