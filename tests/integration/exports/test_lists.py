"""Which lists can be exported."""

from typing import Any


def test_every_list_of_the_api_has_an_export(schema: dict[str, Any]) -> None:
    """But for those that belong to one object, and the views of a person."""
    without = {
        "/views", "/system/nodes/{id}/samples",
        "/workflows/{id}/versions", "/workflows/{id}/runs",
    }  # fmt: skip
    listed = {
        path
        for path, verbs in schema["paths"].items()
        if "nextCursor" in str(_answer_of(verbs.get("get", {}), schema))
    }
    exported = {path.replace("/-/", "/").removesuffix("/export") for path in schema["paths"]
                if path.endswith("/export")}  # fmt: skip
    assert listed - exported == without


def _answer_of(verb: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The schema of the answer, without what it refers to deeper."""
    content = verb.get("responses", {}).get("200", {}).get("content", {})
    found = content.get("application/json", {}).get("schema", {})
    name = found.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"].get(name, found)
