"""What the OpenAPI schema says of identity, lists and health."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from controlplane.core.http.pagination import MAX_LIMIT


def test_it_is_valid_and_made_without_warnings() -> None:
    out, err = StringIO(), StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out, stderr=err)
    assert out.getvalue().startswith("openapi: 3")


def test_identity(schema: dict[str, Any]) -> None:
    schemes = schema["components"]["securitySchemes"]
    assert schemes["apiKey"] == {"type": "http", "scheme": "bearer", "bearerFormat": "tp_…"}
    assert schemes["session"]["in"] == "cookie"
    assert schema["paths"]["/audit"]["get"]["security"] == [{"apiKey": []}, {"session": []}]


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_health_is_open(schema: dict[str, Any], path: str) -> None:
    assert schema["paths"][path]["get"].get("security", [{}]) == [{}]


def test_a_path_stands_there_once_without_its_slash(schema: dict[str, Any]) -> None:
    ours = [p for p in schema["paths"] if p.startswith(("/api-keys", "/audit", "/workspaces"))]
    assert sorted(ours) == [
        "/api-keys", "/api-keys/export", "/api-keys/{id}",
        "/audit", "/audit/export", "/workspaces/current",
    ]  # fmt: skip
    (parameter,) = schema["paths"]["/api-keys/{id}"]["get"]["parameters"]
    assert parameter["schema"] == {"type": "string", "format": "uuid"}


def test_lists(schema: dict[str, Any]) -> None:
    parameters = {p["name"]: p for p in schema["paths"]["/audit"]["get"]["parameters"]}
    assert {"page", "limit", "cursor", "sort", "action", "createdAfter"} <= set(parameters)
    assert parameters["limit"]["schema"]["maximum"] == MAX_LIMIT
    assert parameters["sort"]["schema"]["enum"] == ["createdAt", "-createdAt"]
    shape = schema["components"]["schemas"]["PaginatedAuditEventList"]
    assert set(shape["required"]) == set(shape["properties"])
    assert shape["properties"]["data"]["type"] == "array"


def test_the_secret_is_in_one_answer_only(schema: dict[str, Any]) -> None:
    components = schema["components"]["schemas"]
    assert "key" in components["CreatedApiKey"]["properties"]
    assert "key" not in components["ApiKey"]["properties"]
    assert not [name for name, c in components.items() if "secret" in str(c.get("properties", ""))]
