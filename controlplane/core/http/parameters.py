"""Parameters of operations in the OpenAPI document."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from controlplane.core.schema.filters import conditions


def query_parameter(name: str, description: str, type_: Any = str, **more: Any) -> OpenApiParameter:
    """A parameter of a query string."""
    return OpenApiParameter(name, type_, OpenApiParameter.QUERY, description=description, **more)


def filter_parameters(schema: type[Any], *, skip: Iterable[str] = ()) -> list[OpenApiParameter]:
    """One for each condition of a filter."""
    left_out = set(skip)
    return [
        _parameter(name, wanted.values.schema(), wanted.description, required=wanted.is_required)
        for name, (_, wanted) in conditions(schema).items()
        if name not in left_out
    ]


def _parameter(
    name: str, schema: dict[str, Any], description: str, *, required: bool
) -> OpenApiParameter:
    is_list = {"style": "form", "explode": False} if schema["type"] == "array" else {}
    return query_parameter(name, description, schema, required=required, **is_list)
