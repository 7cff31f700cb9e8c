"""The state machines of runs and steps, and the choices of a definition."""

from django.db.models import TextChoices

MAX_DEPTH = 5  # runs below a run


class RunState(TextChoices):
    """Where a run stands."""

    RUNNING = "RUNNING", "Running"  # → COMPLETED, FAILED, CANCELLED
    COMPLETED = "COMPLETED", "Completed"  # every step ended as its onFailure allows
    FAILED = "FAILED", "Failed"  # a step failed that may not fail; only a retry leaves it
    CANCELLED = "CANCELLED", "Cancelled"  # by a person; only a retry leaves it


class StepState(TextChoices):
    """The state of a step of a run."""

    PENDING = "PENDING", "Pending"  # waits for the steps it depends on
    RUNNING = "RUNNING", "Running"  # its tasks, or its sub-workflow, are under way
    WAITING = "WAITING", "Waiting"  # for a time, for a person, or for a worker that evaluates
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"
    SKIPPED = "SKIPPED", "Skipped"  # never started; its reason says why
    CANCELLED = "CANCELLED", "Cancelled"


OPEN_STEPS = frozenset({StepState.RUNNING, StepState.WAITING})
ENDED_STEPS = frozenset(
    {StepState.COMPLETED, StepState.FAILED, StepState.SKIPPED, StepState.CANCELLED}
)
ENDED_RUNS = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})


class StepKind(TextChoices):
    """What a step does. All but TASK are named in its `type`."""

    TASK = "task", "A task, or one per item of a list"
    WAIT = "wait", "Waits for a time"
    APPROVAL = "approval", "Waits for a person"
    WORKFLOW = "workflow", "Runs another workflow"

    @classmethod
    def of(cls, type_name: object) -> "StepKind":
        """The kind of a step with this type: the names of three kinds are not task types."""
        if isinstance(type_name, str) and type_name in ("wait", "approval", "workflow"):
            return cls(type_name)
        return cls.TASK


class OnFailure(TextChoices):
    """The effect of a step's failure on its run."""

    FAIL = "fail", "The run fails"
    CONTINUE = "continue", "Dependents run all the same"
    SKIP_DEPENDENTS = "skip-dependents", "Dependents are skipped; the rest goes on"


class ReasonCode(TextChoices):
    """Why a step was skipped, cancelled, or waits."""

    CONDITION = "CONDITION", "Its condition was false"
    PARENTS_SKIPPED = "PARENTS_SKIPPED", "Every step it depends on was skipped"
    PARENT_FAILED = "PARENT_FAILED", "A step it depends on failed"
    RUN_FAILED = "RUN_FAILED", "The run failed elsewhere"
    RUN_CANCELLED = "RUN_CANCELLED", "The run was cancelled"
    APPROVAL = "APPROVAL", "A person has to decide"
    TIME = "TIME", "It waits for a time"
    EVALUATION = "EVALUATION", "A worker evaluates its expressions"
    NO_WORKER = "NO_WORKER", "No worker serves the queue that it waits for"
