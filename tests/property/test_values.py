"""A JSON value that a door takes is the same at every place where it is read, in value and kind.

A real worker and a real dispatcher do the work. VALUES=deep looks at many more values.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

import tests.echo_handlers  # noqa: F401 - registers the test types
from tests.clients import key_client
from tests.engine import Engine
from tests.jsonvalues import FLOATS, INTEGERS, TEXTS, json_values
from tests.property.journey import WORKFLOW, Journey

pytestmark = pytest.mark.django_db(transaction=True)

_COMMON = settings(
    deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
)
# The suite looks at the same values every time; VALUES=deep looks for others, and shortens those
# that fail, which takes minutes.
PROFILES = {
    "ci": settings(_COMMON, max_examples=3, derandomize=True, phases=[Phase.generate]),
    "deep": settings(_COMMON, max_examples=100),
}
BATCH = st.lists(json_values(), min_size=20, max_size=40)

Go = Callable[[list[Any]], None]


@pytest.fixture
def engine(component_env: dict[str, str], tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(component_env, tmp_path)
    yield engine
    engine.end()


@pytest.fixture
def counts() -> Counter[str]:
    return Counter()


@pytest.fixture
def go(engine: Engine, tmp_path: Path, settings: Settings, counts: Counter[str]) -> Go:
    """Sends values on their ways."""
    backend = "tasks_app.backends.TaskplaneBackend"
    settings.TASKS = {"default": {"BACKEND": backend, "QUEUES": []}}
    processors = "tests.echo_handlers,tests.django_functions"
    engine.dispatcher(TASKPLANE_PROCESSORS=processors)
    engine.worker(TASKPLANE_PROCESSORS=processors)
    client = key_client("admin")
    made = client.post("/workflows", WORKFLOW)
    assert made.status_code == 201, made.content

    def go(values: list[Any]) -> None:
        Journey(
            values,
            client=client,
            engine=engine,
            folder=tmp_path,
            workflow_id=made.json()["id"],
            counts=counts,
        ).go()

    return go


@pytest.mark.nightly
@pytest.mark.ci
def test_values_are_the_same_everywhere(
    go: Go, counts: Counter[str], record_property: Callable[[str, object], None]
) -> None:
    go([*INTEGERS, *FLOATS, *TEXTS, True, False, None, [], {}, [1, 1.0], {"a": {"": 1e20}}])

    @settings(PROFILES[os.environ.get("VALUES", "ci")])
    @given(BATCH)
    def generated(values: list[Any]) -> None:
        go(values)

    generated()
    total = sum(counts.values()) - counts["values"]
    summary = {"values": counts["values"], "comparisons": total, "places": len(counts) - 1}
    record_property("values", json.dumps(summary))
    print(f"\n{summary}\n" + "\n".join(f"{n:6} {place}" for place, n in sorted(counts.items())))
    assert counts["values"] >= len(FLOATS) + 3 * 20
    assert len(counts) - 1 >= 30
