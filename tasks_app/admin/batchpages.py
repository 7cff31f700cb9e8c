"""Pages of a kind of batch (replays, bulk operations) with the buttons that pause, resume and
cancel one. A pause and a resumption can be undone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from controlplane.core.admin.display import Question
from controlplane.core.undo import ActAs, Undone, register_undo
from controlplane.workspaces.actors import Actor
from controlplane.workspaces.adminpages import WorkspacePages
from tasks_app.batches import Batch

_OPPOSITES = {"pause": "resume", "resume": "pause"}


@dataclass(frozen=True)
class Control:
    """A button: its service, the message after it, the question before it, and the message after
    it has undone its opposite."""

    service: Callable[..., Batch]
    done: str
    question: Question | None = None
    undone: str = ""


@dataclass(frozen=True)
class Controls:
    """The buttons of a kind of batch by name: `pause`, `resume` and `cancel`. `id_name` is what its
    services call the id."""

    kind: str
    id_name: str
    by_name: Mapping[str, Control]

    def register_undos(self) -> None:
        """Let each of pause and resume undo the other."""
        for name, opposite in _OPPOSITES.items():
            register_undo(self.undo_kind(name))(partial(self._undo, opposite))

    def undo_kind(self, name: str) -> str:
        """The kind of change that a button makes."""
        return f"{self.kind}-{name}"

    def call(self, name: str, workspace_id: UUID, batch_id: UUID, **values: Any) -> Batch:
        """Call the service of a button. Raises DomainError."""
        ids = {"workspace_id": workspace_id, self.id_name: batch_id}
        return self.by_name[name].service(**ids, **values)

    def _undo(self, name: str, act_as: ActAs, values: dict[str, Any]) -> Undone:
        workspace_id = UUID(values["workspace"])
        # The release before kept none.
        began = parse_datetime(values.get("paused_at") or "")
        # The service that pauses does not take it.
        pause = {} if began is None else {"paused_at": began}
        self.call(name, workspace_id, UUID(values["id"]), actor=act_as(workspace_id), **pause)
        return Undone(self.by_name[name].undone)


class BatchPages(WorkspacePages):
    """The pages of a kind of batch."""

    controls: ClassVar[Controls]

    def control_pages(self) -> list[Any]:
        """The addresses of the buttons, for `extra_pages`."""
        return [
            (f"<uuid:object_id>/{name}/", partial(self.control_view, name=name), name)
            for name in self.controls.by_name
        ]

    @method_decorator(require_POST)
    def control_view(self, request: HttpRequest, object_id: UUID, name: str) -> HttpResponse:
        """The action of a button, for an operator."""
        controls, values = self.controls, dict[str, Any]()

        def act(batch: Batch, actor: Actor) -> None:
            changed = controls.call(name, batch.workspace_id, batch.id, actor=actor)
            values.update(
                workspace=str(batch.workspace_id),
                id=str(batch.id),
                paused_at=str(changed.paused_at or ""),
            )

        control = controls.by_name[name]
        undo = (controls.undo_kind(name), values) if name in _OPPOSITES else None
        return self.act_on_row(request, object_id, act, control.done, control.question, undo)
