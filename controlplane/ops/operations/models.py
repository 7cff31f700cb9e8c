"""Bulk operations and their items. Only `transitions.py` writes `state`."""

from django.db import models
from django.db.models import Q

from controlplane.ops.operations.states import ENDED, OPEN, ItemOutcome, OperationState
from tasks_app.batches import Batch

_OPEN = sorted(state.value for state in OPEN)
_ENDED = sorted(state.value for state in ENDED)


class Operation(Batch):
    """One verb on many objects: what it is for, its progress, and its counts. `submitted` is the
    number of items that are done; it and the counts are committed with the items' changes."""

    target = models.CharField(max_length=40)  # the kind of object, such as tasks
    action = models.CharField(max_length=40)
    selection = models.JSONField()  # {ids}, {filter} or {operation}: see selection.py
    options = models.JSONField(default=dict)
    reason = models.TextField(blank=True, default="")
    state = models.CharField(
        max_length=9, choices=OperationState.choices, default=OperationState.LISTING
    )
    matched = models.IntegerField()  # when it was started
    is_estimate = models.BooleanField(default=False)  # of `matched`
    total = models.IntegerField(default=0)  # items; exact from RUNNING on
    listed_to = models.CharField(max_length=200, blank=True, default="")  # the last key listed
    until_key = models.CharField(max_length=200)  # the last key that matched when it was started
    changed = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    begun_at = models.DateTimeField(null=True)  # when all items were listed

    class Meta:
        ordering = ["-id"]
        verbose_name = "bulk operation"
        constraints = [
            models.CheckConstraint(
                name="operation_finished_iff_ended",
                condition=Q(state__in=_OPEN, finished_at__isnull=True)
                | Q(state__in=_ENDED, finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="operation_counts_add_up",
                condition=Q(
                    submitted=models.F("changed")
                    + models.F("unchanged")
                    + models.F("refused")
                    + models.F("failed")
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="operation_list"),
            models.Index(fields=["id"], name="operation_open", condition=Q(state__in=_OPEN)),
            models.Index(
                fields=["finished_at"],
                name="operation_age",
                condition=Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target} {self.id}"


class OperationItem(models.Model):
    """One object of an operation. `outcome` is empty until it is done."""

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(
        Operation, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    workspace_id = models.UUIDField()
    ordinal = models.IntegerField()  # in the operation, from 1
    target_id = models.CharField(max_length=200)
    outcome = models.CharField(max_length=9, choices=ItemOutcome.choices, blank=True, default="")
    detail = models.TextField(blank=True, default="")  # why it was refused, or failed
    before = models.TextField(blank=True, default="")  # what an undo compares and restores
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # An object is changed once.
            models.UniqueConstraint(fields=["operation", "target_id"], name="operationitem_once"),
            models.CheckConstraint(
                name="operationitem_done_has_time",
                condition=Q(outcome="", at__isnull=True) | (~Q(outcome="") & Q(at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["operation", "id"], name="operationitem_list"),
            models.Index(fields=["operation", "outcome", "id"], name="operationitem_outcome"),
        ]

    def __str__(self) -> str:
        return f"item {self.ordinal} of {self.operation_id}"
