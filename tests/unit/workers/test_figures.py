"""Figures of a worker: from slot files, from the system, and as Prometheus reads them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psutil

from workers.counters import (
    Counters,
    WorkerStatus,
    keep_counts_of_ended,
    read_counters,
    restart_counts,
)
from workers.health import expose
from workers.measures import ProcessTreeMeter, Usage
from workers.node_state import SharedNodeState
from workers.slots import Slot, SlotCounts


def slot_in(folder: Path, pid: int) -> Slot:
    return Slot.create(folder, pid=pid, pid_born=1.0)


def test_counters_stand_in_the_file(tmp_path: Path) -> None:
    slot = slot_in(tmp_path, 7)
    slot.count(processed=300, failed=2)
    slot.count(processed=1, stale=2**40)
    slot.announce(b"\xff" * 16)
    slot.claim(0, b"\xff" * 16, b"\xff" * 16)
    assert Slot.open(slot.path).counts == SlotCounts(processed=301, failed=2, stale=2**40)
    assert Slot.open(slot.path).pid == 7


def test_a_tally_names_the_longest_running_task_of_each_slot(tmp_path: Path) -> None:
    first, second = slot_in(tmp_path, 9), slot_in(tmp_path, 8)
    tasks = [uuid4() for _ in range(4)]
    at = time.monotonic()
    for index, task in enumerate(tasks[:3]):
        first.claim(index, task.bytes, uuid4().bytes)
    first.start(0, started=at - 1, deadline=at + 9)
    first.start(1, started=at - 2, deadline=at + 9)
    second.claim(0, tasks[3].bytes, uuid4().bytes)
    second.start(0, started=at - 9, deadline=at + 9)
    second.done(0)
    counters = read_counters(SharedNodeState(), [first, second])
    assert (counters.running, counters.busy, counters.held) == (2, 1, 4)
    assert [(view["slot"], view["running"], view["taskId"]) for view in counters.slots] == [
        (8, 0, None),
        (9, 2, str(tasks[1])),
    ]
    assert counters.slots[1]["startedAt"].endswith("Z")


def test_counts_outlive_a_child_and_restart_with_an_incarnation(tmp_path: Path) -> None:
    node_state = SharedNodeState()
    dead, living = slot_in(tmp_path, 1), slot_in(tmp_path, 2)
    dead.count(processed=5, failed=1, stale=1)
    living.count(processed=3, failed=2)
    keep_counts_of_ended(node_state, dead)
    counters = read_counters(node_state, [living])
    assert (counters.processed, counters.failed, counters.stale) == (8, 3, 1)
    restart_counts(node_state, [living])
    living.count(processed=2)
    counters = read_counters(node_state, [living])
    assert (counters.processed, counters.failed, counters.stale) == (2, 0, 0)
    keep_counts_of_ended(node_state, living)
    assert read_counters(node_state, []).processed == 2


def test_a_tree_is_measured_with_all_its_processes() -> None:
    meter = ProcessTreeMeter(os.getpid())
    alone = meter.measure()
    busy = "x = bytearray(64 << 20)\nprint(flush=True)\nwhile True: pass"
    child = subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        process = psutil.Process(child.pid)
        began = process.cpu_times().user
        while process.cpu_times().user < began + 0.2:
            time.sleep(0.01)
        both = meter.measure()
    finally:
        child.kill()
        child.communicate()
    assert both.processes == alone.processes + 1
    assert both.memory_bytes > alone.memory_bytes + (48 << 20)
    assert both.cpu_percent > 1
    assert meter.measure().processes == alone.processes


def test_a_tree_that_is_gone_costs_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert ProcessTreeMeter(child.pid).measure() == Usage(0.0, 0, 0)


def test_exposition() -> None:
    node_state = SharedNodeState()
    node_state.node_id, node_state.is_ready = 12, True
    status = WorkerStatus(
        counters=Counters(running=3, processed=2**53, failed=1, slots=[{"running": 3}])
    )
    lines = expose(node_state, status, name='a"b\\c', concurrency=2).decode().splitlines()
    labels = '{id="12",node="a\\"b\\\\c#12"}'
    assert f"taskplane_node_up{labels} 1.0" in lines
    assert f"taskplane_node_slots_busy{labels} 1.0" in lines
    assert "# TYPE taskplane_node_tasks_ended_total counter" in lines
    assert not [line for line in lines if "cpu_percent" in line or "canary_age" in line]
    node_state.stopping_since = node_state.canary_received_at = time.monotonic()
    status.usage = Usage(cpu_percent=12.5, memory_bytes=123456789012, processes=4)
    text = expose(node_state, status, name="a", concurrency=2).decode()
    assert 'taskplane_node_up{id="12",node="a#12"} 0.0\n' in text
    assert 'taskplane_node_memory_bytes{id="12",node="a#12"} 1.23456789012e+11\n' in text
    assert "taskplane_node_canary_age_seconds" in text
