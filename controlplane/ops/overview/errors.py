"""Errors as a reader may see them."""

from typing import Any

from controlplane.core.schema import Resource, represent, shown


class Failure(Resource):
    """What a list shows of a failure."""

    error: Any = shown(guard="error")


def show_error(error: Any, actor: Any) -> dict[str, Any]:
    """Class and message, as far as the actor may see them; empty if nothing is known."""
    found = represent(Failure, {"error": error}, actor)["error"]
    return found if isinstance(found, dict) else {}
