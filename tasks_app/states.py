"""The task state machine: states, outcomes of attempts, and the legal arrows between states."""

from django.db.models import TextChoices


class TaskState(TextChoices):
    """The state of a task. Stored as text, so that a row is readable in psql."""

    BLOCKED = "BLOCKED", "Blocked"  # waits for parents → SCHEDULED, PENDING, CANCELLED
    SCHEDULED = "SCHEDULED", "Scheduled"  # waits for run_at → PENDING, CANCELLED
    PENDING = "PENDING", "Pending"  # ready → RUNNING, SCHEDULED, CANCELLED
    RUNNING = "RUNNING", "Running"  # leased → COMPLETED, FAILED, RETRYING, PENDING, CANCELLED
    RETRYING = "RETRYING", "Retrying"  # waits for its back-off → PENDING, CANCELLED
    COMPLETED = "COMPLETED", "Completed"  # final
    FAILED = "FAILED", "Failed"  # final: all attempts used, dead-lettered
    CANCELLED = "CANCELLED", "Cancelled"  # final


FINAL = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED})
WAITING = frozenset({TaskState.BLOCKED, TaskState.SCHEDULED, TaskState.PENDING, TaskState.RETRYING})

# Only an operator's retry leaves a final state (docs/state-machine.md draws the whole).
TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.BLOCKED: frozenset({TaskState.SCHEDULED, TaskState.PENDING, TaskState.CANCELLED}),
    TaskState.SCHEDULED: frozenset({TaskState.PENDING, TaskState.SCHEDULED, TaskState.CANCELLED}),
    TaskState.PENDING: frozenset({TaskState.RUNNING, TaskState.SCHEDULED, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset(
        {
            TaskState.COMPLETED,
            TaskState.FAILED,
            TaskState.RETRYING,
            TaskState.SCHEDULED,  # snoozed
            TaskState.PENDING,  # handed back, or its worker was lost
            TaskState.CANCELLED,
        }
    ),
    TaskState.RETRYING: frozenset({TaskState.PENDING, TaskState.CANCELLED}),
    TaskState.COMPLETED: frozenset({TaskState.PENDING, TaskState.BLOCKED}),
    TaskState.FAILED: frozenset({TaskState.PENDING, TaskState.BLOCKED}),
    TaskState.CANCELLED: frozenset({TaskState.PENDING, TaskState.BLOCKED}),
}


class AttemptOutcome(TextChoices):
    """How one attempt ended. Every attempt that started has exactly one."""

    SUCCEEDED = "SUCCEEDED", "Succeeded"
    FAILED = "FAILED", "Failed"
    TIMED_OUT = "TIMED_OUT", "Timed out"
    CANCELLED = "CANCELLED", "Cancelled"
    SNOOZED = "SNOOZED", "Snoozed"
    INTERRUPTED = "INTERRUPTED", "Interrupted by shutdown"
    LOST = "LOST", "Lost with its worker"


class ParentFailure(TextChoices):
    """What happens to a task when one of its parents fails or is cancelled."""

    CANCEL = "cancel", "Cancel this task"
    RUN = "run", "Run it anyway"


class ErrorCategory(TextChoices):
    """Why a task failed: the categories of dead letters."""

    TIMEOUT = "TIMEOUT", "Timeout"
    VALIDATION = "VALIDATION", "Validation"
    DEPENDENCY = "DEPENDENCY", "Dependency"
    NETWORK = "NETWORK", "Network"
    RESOURCE = "RESOURCE", "Resource"
    WORKER_LOST = "WORKER_LOST", "Worker lost"
    CANCELLED_BY_PARENT = "CANCELLED_BY_PARENT", "Cancelled by parent"
    CODE = "CODE", "Code"
    UNKNOWN = "UNKNOWN", "Unknown"
