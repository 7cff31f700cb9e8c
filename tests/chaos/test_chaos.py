"""Everything is killed in turn, and every task is completed exactly once."""

import os
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from tasks_app.models import TaskAttempt
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tests.chaos.ledger import check_ledger, executions, open_tasks, stale_writes
from tests.chaos.process_manager import ProcessManager
from tests.chaos.servers import PrivateValkey
from tests.engine import Engine

TASKS = int(os.environ.get("CHAOS_TASKS", "2000"))
SEED = int(os.environ.get("CHAOS_SEED", "7"))
MAX_SECONDS = 60
MAX_REEXECUTED = 0.02


def submit(manager: ProcessManager, folder: Path, count: int) -> list[UUID]:
    """Tasks of 5 to 20 ms that leave a trace of every execution."""
    return submit_tasks(
        specs=[
            TaskSpec(
                type="test-work",
                payload={"ms": manager.random.uniform(5, 20), "folder": str(folder)},
            )
            for _ in range(count)
        ]
    )


@pytest.mark.ci
def test_nothing_is_lost_and_nothing_completed_twice(
    chaos: Engine, private_valkey: PrivateValkey, tmp_path: Path
) -> None:
    traces = tmp_path / "traces"
    traces.mkdir()
    began = time.monotonic()
    manager = ProcessManager(chaos, workers=2, dispatchers=2, seed=SEED)
    manager.wait_until_ready()

    def kill_valkey() -> None:
        private_valkey.kill()
        private_valkey.start()

    def flush_valkey() -> None:
        private_valkey.client().flushall()

    faults = [
        manager.kill_pool_child,
        manager.kill_worker,
        manager.kill_agent,
        manager.kill_leader,
        kill_valkey,
        manager.freeze_worker_past_its_lease,
        flush_valkey,
        manager.kill_pool_child,
    ]
    ids: list[UUID] = []
    for fault in faults:
        ids.extend(submit(manager, traces, TASKS // len(faults)))
        fault()
        print(f"{time.monotonic() - began:5.1f} s {fault.__name__}: {open_tasks(ids)} open")
        manager.wait(
            lambda: open_tasks(ids) < TASKS // len(faults) // 2, "half of a wave's tasks done"
        )
    manager.wait(lambda: not open_tasks(ids), "the end of all tasks", 40)
    seconds = time.monotonic() - began
    manager.wait(lambda: stale_writes() > 0, "the thawed worker's refused writes", 5)

    check_ledger(ids)
    times = executions(traces)
    again = sum(times.values()) - len(ids)
    print(
        f"{len(ids)} tasks, {seconds:.1f} s, re-executed {again} ({again / len(ids):.2%}), "
        f"stale writes {stale_writes()}, restarts {manager.restarts}, "
        f"outcomes {dict(Counter(TaskAttempt.objects.values_list('outcome', flat=True)))}"
    )
    assert set(times) == set(ids)
    assert again <= MAX_REEXECUTED * len(ids)
    assert seconds < MAX_SECONDS
