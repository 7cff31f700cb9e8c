"""The state machine of stress tests, and the words of their parameters."""

from django.db.models import TextChoices


class StressState(TextChoices):
    """The state of a stress test."""

    PREPARING = "PREPARING", "Preparing"  # accepted, no dispatcher has begun → RUNNING, STOPPING
    RUNNING = "RUNNING", "Submitting"  # → SETTLING, STOPPING
    SETTLING = "SETTLING", "Settling"  # all submitted, some not ended → CHECKING, STOPPING
    STOPPING = "STOPPING", "Stopping"  # cancels what waits → CHECKING, FAILED
    CHECKING = "CHECKING", "Checking"  # reads every task again → DONE, STOPPED, FAILED
    DONE = "DONE", "Done"  # final: the verdict is of the whole test
    STOPPED = "STOPPED", "Stopped"  # final: by a person; the verdict is of what was submitted
    FAILED = "FAILED", "Failed"  # final: it could not be carried out


ENDED = frozenset({StressState.DONE, StressState.STOPPED, StressState.FAILED})
OPEN = frozenset(StressState) - ENDED

STRESS_TRANSITIONS: dict[StressState, frozenset[StressState]] = {
    StressState.PREPARING: frozenset({StressState.RUNNING, StressState.STOPPING}),
    StressState.RUNNING: frozenset({StressState.SETTLING, StressState.STOPPING}),
    StressState.SETTLING: frozenset({StressState.CHECKING, StressState.STOPPING}),
    StressState.STOPPING: frozenset({StressState.CHECKING, StressState.FAILED}),
    StressState.CHECKING: ENDED,
    StressState.DONE: frozenset(),
    StressState.STOPPED: frozenset(),
    StressState.FAILED: frozenset(),
}


class StressType(TextChoices):
    """What each task does; each is the task type `stress-<name>`."""

    SLEEP = "sleep", "Wait without using the CPU"
    CPU = "cpu", "Keep one core busy"
    NOOP = "noop", "Nothing"
    FLAKY = "flaky", "Wait; those that fail succeed at the retry"


class StressShape(TextChoices):
    """How dependents hang together."""

    MIXED = "mixed", "Chains and fan-ins alternately"
    CHAINS = "chains", "Chains of up to five tasks"
    FAN_IN = "fan-in", "Tasks that each wait for several others"


class FigureChange(TextChoices):
    """How a figure of a test compares with that of another."""

    BETTER = "better", "Better"
    WORSE = "worse", "Worse"
    ALIKE = "alike", "Alike"
    UNKNOWN = "unknown", "Unknown"


class Verdict(TextChoices):
    """The result of a report."""

    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"
