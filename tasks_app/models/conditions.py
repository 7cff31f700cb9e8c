"""Expressions that indexes of tasks and filters share."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from tasks_app.states import TaskState

DUE = [TaskState.SCHEDULED.value, TaskState.RETRYING.value]

# Tasks whose last attempt ran to an end: a cancelled one may have been waiting again. An index has
# those that took long enough for the cost of its entry not to be felt.
DURATION = F("finished_at") - F("started_at")
HAS_DURATION = Q(
    state__in=[TaskState.COMPLETED.value, TaskState.FAILED.value], started_at__isnull=False
)
INDEXED_DURATION = timedelta(milliseconds=10)
_INDEXED = Value(INDEXED_DURATION, output_field=models.DurationField())
SHORT = HAS_DURATION & Q(LessThan(DURATION, _INDEXED))
LONG = HAS_DURATION & Q(GreaterThanOrEqual(DURATION, _INDEXED))
# Submitted by a person: the kind of an actor is the beginning.
BY_PERSON = Q(submitted_by__startswith="user:")
ERROR_CLASS_LENGTH = 200
ERROR_CLASS = Left(KeyTextTransform("class", "error"), ERROR_CLASS_LENGTH)
