"""Handlers of the API that do their work once for a key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter

from controlplane.core.http.verbs import Answer, Verb
from controlplane.workspaces.idempotency import (
    HEADER,
    hash_body,
    resolve_idempotency_key,
    store_or_get_response,
    store_reference,
)

KEY_PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="The same key and body within 24 h give the first answer again (200); another "
    "body gives 409.",
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a handler made, and the reference by which a repeated call finds it again."""

    resource: Any
    reference: Mapping[str, Any]


def idempotent(
    find_again: Callable[..., Any], *, status: int = 200
) -> Callable[[Callable[..., Made]], Callable[..., Answer]]:
    """Below `@verb`: the handler runs once for a key and body, and returns Made.

    A repeated call answers `find_again(request, reference, **path)` with `status`; it raises
    NotFound or Conflict when what was made is gone. A body's key is its field `idempotency_key`.
    """

    def decorate(handler: Callable[..., Made]) -> Callable[..., Answer]:
        @wraps(handler)
        def run(view: Any, request: Any, *body: Any, **path: Any) -> Answer:
            config: Verb = view.current_verb
            own_key = getattr(body[0], "idempotency_key", None) if body else None
            key = resolve_idempotency_key(request.headers.get(HEADER), own_key)
            if key is None:
                made = handler(view, request, *body, **path)
                return Answer(made.resource, config.own_status)
            workspace_id = request.workspace.id
            asked = hash_body(config.method, config.path, _named(path), *map(_asked, body))
            with transaction.atomic():
                first = store_or_get_response(
                    workspace_id=workspace_id, key=key, body_hash=asked, answer={}
                )
                if first is None:
                    made = handler(view, request, *body, **path)
                    store_reference(workspace_id, key, made.reference)
                    return Answer(made.resource, config.own_status)
            return Answer(find_again(request, first, **path), status)

        run.extra_parameters = [KEY_PARAMETER]  # type: ignore[attr-defined] # read by verb
        return run

    return decorate


def _asked(body: Any) -> dict[str, Any]:
    """The values of a body without its key."""
    values: dict[str, Any] = body.model_dump(exclude={"idempotency_key"})
    return values


def _named(path: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in path.items()}
