"""What a short command imports: its start is most of its time."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RUN = """
import contextlib, io, json, sys
from controlplane.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    code = main(["manage.py", *sys.argv[1:]])
print(json.dumps([code, sorted(sys.modules)]))
"""
# Each of these stands for much else, which it imports.
FOR_OTHERS = {
    "pages and the API": [
        "controlplane.urls", "controlplane.workspaces.adminaccess", "daphne",
        "django.contrib.staticfiles", "drf_spectacular", "prometheus_client", "rest_framework",
        "whitenoise",
    ],
    "nodes and deaths": ["dlq.recording", "tasks_app.services.rescue"],
    "the dispatcher": [
        "controlplane.ops.schedules.firing", "controlplane.ops.stress.driver", "dlq.replays",
        "dlq.upkeep", "scaling.retention", "tasks_app.dispatch", "tasks_app.upkeep",
        "workflows.repair",
    ],
    "the autoscaler": ["scaling.decisions"],
    "workers and the broker": [
        "celery.apps.worker", "kombu.transport.redis", "redis", "tasks_app.execution",
        "workers.agent",
    ],
    "declared types": [
        "tasks_app.queries.declarations", "tasks_app.schema.types",
        "tasks_app.services.declarations", "tasks_app.typewords",
    ],
    "top": ["controlplane.core.console.cells", "wcwidth"],
    "workflows": ["workflows.definitions", "workflows.runs", "workflows.schema"],
}  # fmt: skip
# 1,227 when this was written, and 1,360 before the list above
MAX_MODULES = 1_285


SERVERS = """
import json, sys

import django

django.setup()
from controlplane.celery import app
from controlplane.core.http.asgi import get_http_application
from tasks_app.processors.registry import get
from tasks_app.schema.submission import TaskIn

models = [TaskIn, get("http-request").payload_model]
before = [each.__pydantic_complete__ for each in models]
get_http_application()
served = [each.__pydantic_complete__ for each in models]
app.loader.init_worker()
from tasks_app.execution.warm_up import rehearse

rehearse()
print(json.dumps([before, served, [each.__pydantic_complete__ for each in models]]))
print(json.dumps(sorted(sys.modules)))
"""


def run_python(code: str, *arguments: str, env: dict[str, str]) -> list[Any]:
    """What the code prints, a JSON value a line."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_list_of_tasks_imports_nothing_that_only_others_use(
    component_env: dict[str, str],
) -> None:
    [[code, modules]] = run_python(RUN, "tasks", "list", env=component_env)

    assert code == 0
    for others, names in FOR_OTHERS.items():
        assert not set(names) & set(modules), f"for {others}"
        assert all(map(find_spec, names)), "a module was renamed"
    assert len(modules) <= MAX_MODULES


def test_servers_are_complete_before_they_serve(component_env: dict[str, str]) -> None:
    [[before, in_app, in_worker], modules] = run_python(SERVERS, env=component_env)

    assert before == [False, False]
    assert in_app == [True, False], "payloads are built when they are first submitted"
    assert in_worker == [True, True]
    assert set(FOR_OTHERS["nodes and deaths"]) <= set(modules)
