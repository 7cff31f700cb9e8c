"""Handlers of the API that do their work once for each key."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter

from controlplane.core.http.verbs import Answer, Verb
from controlplane.workspaces.idempotency import HEADER, resolve_idempotency_key, run_once

KEY_PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="The same key and body within 24 h give the first answer again (200); another "
    "body gives 409.",
)


def idempotent(
    find: Callable[..., Any], *, status: int = 200, prepare: Callable[..., Any] | None = None
) -> Callable[[Callable[..., UUID]], Callable[..., Answer]]:
    """Below `@verb`: the handler runs once for a key and body, in the key's transaction, and
    returns the id of what it made. A body's key is its field `idempotency_key`.

    `find(request, made, **path)` is what the answer shows of that id, at the first call and, with
    `status`, at a repeated one; it raises NotFound or Conflict when what was made is gone.
    `prepare(request, *body, **path)` is called first, outside the transaction: its result is the
    handler's last positional argument.
    """

    def decorate(handler: Callable[..., UUID]) -> Callable[..., Answer]:
        @wraps(handler)
        def run(view: Any, request: Any, *body: Any, **path: Any) -> Answer:
            config: Verb = view.current_verb
            own_key = getattr(body[0], "idempotency_key", None) if body else None
            key = resolve_idempotency_key(request.headers.get(HEADER), own_key)
            prepared = () if prepare is None else (prepare(request, *body, **path),)
            made, is_new = run_once(
                lambda: handler(view, request, *body, *prepared, **path),
                workspace_id=request.workspace.id,
                key=key,
                asked=() if key is None else _asked(config, body, path),
            )
            return Answer(find(request, made, **path), config.own_status if is_new else status)

        run.extra_parameters = [KEY_PARAMETER]  # type: ignore[attr-defined] # read by verb
        return run

    return decorate


def _asked(config: Verb, body: tuple[Any, ...], path: Mapping[str, Any]) -> tuple[Any, ...]:
    named = {name: str(value) for name, value in path.items()}
    return (config.method, config.path, named, *(each.content for each in body))
