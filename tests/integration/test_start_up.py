"""What a short command imports: its start is most of its time."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

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


def test_a_list_of_tasks_imports_nothing_that_only_others_use(
    component_env: dict[str, str],
) -> None:
    command = [sys.executable, "-c", RUN, "tasks", "list"]

    done = subprocess.run(
        command, cwd=ROOT, env=component_env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    code, modules = json.loads(done.stdout)
    assert code == 0
    for others, names in FOR_OTHERS.items():
        assert not set(names) & set(modules), f"for {others}"
        assert all(map(find_spec, names)), "a module was renamed"
    assert len(modules) <= MAX_MODULES
