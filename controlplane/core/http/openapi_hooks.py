"""Corrections of the generated OpenAPI schema."""

from typing import Any

_ANYTHING_OR_NULL = [{}, {"type": "null"}]


def allow_null_in_any_json(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: what may be any JSON may be null.

    The generator writes "exactly one of anything and null" for a nullable JSON field. Null is both,
    so a client that holds answers against the schema would refuse every null.
    """
    _correct(result)
    return result


def _correct(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _correct(item)
    elif isinstance(node, dict):
        if node.get("oneOf") == _ANYTHING_OR_NULL:
            del node["oneOf"]
        for item in node.values():
            _correct(item)
