"""Definitions of workflows for tests."""

from typing import Any

import pytest

from controlplane.core.errors import Invalid
from workflows.definitions import Definition, parse_definition


def parse(*tasks: Any, **more: Any) -> Definition:
    return parse_definition({"name": "flow", "tasks": list(tasks), **more})


def problems(body: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        parse_definition(body)
    return [(one["field"], one["message"]) for one in error.value.errors]


def step(key: str = "a", **more: Any) -> dict[str, Any]:
    return {"key": key, "type": "test-echo", **more}


def problems_of(*tasks: Any) -> list[tuple[str, str]]:
    return problems({"name": "flow", "tasks": list(tasks)})


def whole(**more: Any) -> dict[str, Any]:
    return {"name": "flow", "tasks": [step()], **more}
