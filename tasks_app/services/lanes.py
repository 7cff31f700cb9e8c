"""Finding, or making, a workspace's row of a queue."""

from uuid import UUID

from django.db import transaction

from controlplane.core.errors import Invalid
from tasks_app.models import Queue
from tasks_app.queues import NAME, NAME_RULE

MAX_QUEUES = 1_000  # of one workspace: each is a turn in every claim

_known: dict[tuple[UUID, str], int] = {}
_names: dict[int, str] = {}


class Lanes:
    """The lanes of one workspace, as one submission needs them: each is looked up once."""

    def __init__(self, workspace_id: UUID, *, using: str) -> None:
        self.workspace_id = workspace_id
        self._using = using
        self._found: dict[str, int] = {}

    def get(self, name: str, *, field: str = "queue") -> int:
        """The id of the workspace's queue of this name, made when it is new.

        Raises Invalid for a name that cannot be one, or one queue too many.
        """
        lane = self._found.get(name) or _known.get((self.workspace_id, name))
        if lane is None:
            lane = self._look_up(name, field)
        self._found[name] = lane
        return lane

    def _look_up(self, name: str, field: str) -> int:
        if not NAME.fullmatch(name):
            raise Invalid(errors=[{"field": field, "message": NAME_RULE}])
        queues = Queue.objects.using(self._using).filter(workspace_id=self.workspace_id, name=name)
        lane = queues.values_list("id", flat=True).first()
        if lane is None:
            lane = _make(self.workspace_id, name, using=self._using, field=field)
        key = (self.workspace_id, name)
        # A row made in a transaction that may yet roll back must not be remembered.
        transaction.on_commit(lambda: _known.__setitem__(key, lane), using=self._using)
        return lane


def forget_lanes() -> None:
    """Drop what is remembered, as when the tables were emptied."""
    _known.clear()
    _names.clear()


def get_lane_name(lane: int, *, using: str) -> str:
    """The name of the queue that a lane belongs to."""
    if lane not in _names:
        _names[lane] = Queue.objects.using(using).values_list("name", flat=True).get(id=lane)
    return _names[lane]


def _make(workspace_id: UUID, name: str, *, using: str, field: str) -> int:
    queues = Queue.objects.using(using)
    if queues.filter(workspace_id=workspace_id).count() >= MAX_QUEUES:
        message = f"A workspace may have {MAX_QUEUES} queues, and has them already."
        raise Invalid(errors=[{"field": field, "message": message}])
    queue, _ = queues.get_or_create(workspace_id=workspace_id, name=name)
    return int(queue.id)
