"""A resource's fields, declared once: what is checked, shown, listed, exported and documented."""

from controlplane.core.schema.base import Request, Resource, Schema, read_problems
from controlplane.core.schema.represent import represent, represent_row, represent_value
from controlplane.core.schema.shown import Shown, field_names, itself, shown, shown_fields

__all__ = [
    "Request",
    "Resource",
    "Schema",
    "Shown",
    "field_names",
    "itself",
    "read_problems",
    "represent",
    "represent_row",
    "represent_value",
    "shown",
    "shown_fields",
]
