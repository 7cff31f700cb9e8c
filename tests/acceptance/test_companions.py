"""`worker --dispatch`: a dispatcher that lives and ends with a worker."""

import psutil

from controlplane.embedded import processes
from tasks_app.models import Leader
from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests.engine import Engine


def test_a_dispatcher_beside_a_worker_works_comes_back_and_ends_with_it(engine: Engine) -> None:
    worker = engine.worker("--dispatch", concurrency=1)
    delayed = submit_task(spec=TaskSpec(type="noop", delay_ms=100))
    assert engine.wait_for(delayed).state == "COMPLETED"

    _, _, pid = Leader.objects.get(name="dispatcher").holder_label.rpartition(":")
    before = {child.pid for child in worker.children()}
    assert int(pid) in before - {worker.process.pid}
    psutil.Process(int(pid)).kill()
    (again,) = engine.wait(
        lambda: [child for child in worker.children() if child.pid not in before],
        "a dispatcher that was forked again",
    )

    worker.kill()
    engine.wait(lambda: processes.is_over(again), "the end of the dispatcher of a killed worker")
    assert "Dispatcher ended, starting it again" in worker.output()
