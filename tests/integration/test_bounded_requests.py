"""Everything that a body may hold has a limit that its schema declares: texts, lists, numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import URLResolver, get_resolver

from controlplane.core.http.verbs import Verb
from controlplane.core.schema import Request

# Limited by a setting, or as a whole: the size of a definition, the tasks and parents of a call.
LIMITED_ELSEWHERE = {
    "BulkIn.tasks",
    "BulkIn.tasks[].dependsOn",
    "BulkIn.tasks[].dependsOn[]",
    "BulkIn.tasks[].ref",
    "TaskIn.dependsOn",
    "TaskIn.dependsOn[]",
}
DEFINITIONS = ("WorkflowIn.tasks[]", "WorkflowChange.tasks[]")
LIMITS = {
    "string": {"maxLength", "enum", "const", "format"},
    "array": {"maxItems"},
    "integer": {"maximum", "enum", "const"},
    "number": {"maximum", "enum", "const"},
}


def verbs_of(patterns: Any) -> Iterator[Verb]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from verbs_of(each.url_patterns)
            continue
        view = getattr(each.callback, "cls", None)
        for name in (getattr(each.callback, "actions", None) or {}).values():
            if (config := getattr(getattr(view, name), "verb", None)) is not None:
                yield config


def unlimited(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str
) -> Iterator[str]:
    """The paths of values without a limit."""
    if reference := schema.get("$ref"):
        yield from unlimited(definitions[reference.rpartition("/")[2]], definitions, path)
        return
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from unlimited(choice, definitions, path)
    named = schema.get("type")
    kinds = named if isinstance(named, list) else [named]
    if any(not LIMITS[kind] & set(schema) for kind in kinds if kind in LIMITS):
        yield path
    if "array" in kinds:
        yield from unlimited(schema.get("items", {}), definitions, f"{path}[]")
    for name, inner in schema.get("properties", {}).items():
        yield from unlimited(inner, definitions, f"{path}.{name}")


def test_every_text_list_and_number_of_a_body_has_a_limit() -> None:
    bodies: set[type[Request]] = {
        config.body for config in verbs_of(get_resolver().url_patterns) if config.body
    }
    assert len(bodies) > 20
    found = set()
    for body in bodies:
        schema = body.model_json_schema()
        found |= set(unlimited(schema, schema.get("$defs", {}), body.__name__))
    assert {path for path in found if not path.startswith(DEFINITIONS)} == LIMITED_ELSEWHERE
