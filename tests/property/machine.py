"""Random histories of one queue on real Postgres, checked after every step against the model."""

from tests.property.operator_rules import OperatorRules
from tests.property.worker_rules import WorkerRules


class TransitionsMachine(WorkerRules, OperatorRules):
    """Everything that submitters, workers, dispatchers and operators can do."""
