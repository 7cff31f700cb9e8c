"""A pool child is prepared before it takes its first task, and only then is its node active."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tasks_app.models import Task
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.engine import ROOT
from tests.manual_worker import register_node
from workers.agent import Agent
from workers.models import Node
from workers.node_state import SharedNodeState
from workers.runtime import Runtime
from workers.slots import Slot

# What main loads before it forks its pool, and what a child then does before its first task.
PREPARED_CHILD = """
import json, os, sys
from pathlib import Path
import django
django.setup()
from controlplane.celery import app
from workers import serving
from workers.management.commands import worker
from workers.node_state import SharedNodeState
from workers.runtime import Runtime, set_runtime
from workers.slots import Slot

app.loader.import_default_modules()
folder, node = Path(sys.argv[1]), int(sys.argv[2])
runtime = Runtime("warm", SharedNodeState(), folder)
runtime.node_state.node_id = node
runtime.slot = Slot.create(folder, pid=os.getpid(), pid_born=0)
set_runtime(runtime)
serving.prepare_child()

from django.db import connections
loaded = set(sys.modules)
connection = connections["engine"].connection
with connection.cursor() as cursor:
    cursor.execute("SELECT statement, generic_plans FROM pg_prepared_statements", prepare=False)
    plans = cursor.fetchall()
serving._drain("default")
after = set(Path(folder, "loaded").read_text().split())
print(json.dumps({
    "plans": plans,
    "same": connections["engine"].connection is connection,
    "loaded": sorted(after - loaded),
    "warm": runtime.slot.is_warm,
}))
"""

# What main does before it forks.
REHEARSAL = """
import importlib.metadata, json, threading
import django
django.setup()
import psutil
from django.db.backends.signals import connection_created
from controlplane.celery import app
from workers.management.commands import worker

worker._prepare_to_share(app)
described, connected = [], []
read = importlib.metadata.version
importlib.metadata.version = lambda name: described.append(name) or read(name)
connection_created.connect(lambda connection, **_: connected.append(connection.alias), weak=False)
worker._rehearse(app)
print(json.dumps({
    "connected": connected,
    "described": described,
    "sockets": len(psutil.Process().net_connections()),
    "threads": threading.active_count(),
}))
"""


def run_prepared_child(env: dict[str, str], folder: Path, node: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PREPARED_CHILD, str(folder), str(node)],
        cwd=ROOT, env={**env, "TASKPLANE_PROCESSORS": "tests.handlers"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_first_task_of_a_child_connects_prepares_and_imports_nothing(
    component_env: dict[str, str], tmp_path: Path
) -> None:
    task = submit_task(spec=TaskSpec(type="test-loaded", payload={"folder": str(tmp_path)}))
    found = run_prepared_child(component_env, tmp_path, register_node())
    assert Task.objects.get(id=task).state == "COMPLETED"
    assert found["warm"]
    assert found["same"]
    assert found["loaded"] == []
    planned = {statement.split("\n")[0] for statement, plans in found["plans"] if plans}
    assert any(text.startswith("-- Claim up to") for text in planned), planned
    assert any(text.startswith("-- Write the outcomes") for text in planned), planned


def test_main_tries_its_servers_and_holds_no_connection_when_it_forks(
    component_env: dict[str, str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REHEARSAL], cwd=ROOT, env=component_env,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Not warmed up" not in done.stderr
    assert json.loads(done.stdout) == {
        "connected": ["engine"],
        "described": [],  # redis-py does not read the description of its package
        "sockets": 0,
        "threads": 1,
    }


def test_main_starts_where_no_server_answers(component_env: dict[str, str]) -> None:
    nowhere = {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    done = subprocess.run(
        [sys.executable, "-c", REHEARSAL], cwd=ROOT, env={**component_env, **nowhere},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Not warmed up" in done.stderr
    assert json.loads(done.stdout)["connected"] == []


def test_a_node_is_active_when_all_of_its_children_are_prepared(
    transactional_db: None, tmp_path: Path
) -> None:
    runtime = Runtime("slow", SharedNodeState(), tmp_path)
    agent = Agent(runtime=runtime, main_pid=os.getpid(), queues=["*"], concurrency=2, name="slow")
    runtime.node_state.is_ready = True
    slots = []
    for number in (1, 2):
        agent._find_slots()
        agent._beat()
        assert Node.objects.get().state == "STARTING"
        assert not runtime.node_state.is_active
        slots.append(Slot.create(tmp_path, pid=number, pid_born=0))
    agent._find_slots()
    slots[0].mark_warm()
    agent._beat()
    assert Node.objects.get().state == "STARTING"
    slots[1].mark_warm()
    agent._beat()
    assert Node.objects.get().state == "ACTIVE"
    assert runtime.node_state.is_active
