"""Errors, for the OpenAPI schema."""

from controlplane.core.http.problemschema import problems

__all__ = ["problems"]
