"""Endpoints, declared once: `@verb` says path, role, body, answer and errors of a handler."""

from controlplane.core.http.parameters import filter_parameters, query_parameter
from controlplane.core.http.problemschema import problems
from controlplane.core.http.verbs import Answer, Listed, Views, routes, verb

__all__ = [
    "Answer",
    "Listed",
    "Views",
    "filter_parameters",
    "problems",
    "query_parameter",
    "routes",
    "verb",
]
