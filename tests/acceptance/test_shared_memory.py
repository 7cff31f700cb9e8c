"""What the processes of a worker share, since it was imported before they were forked."""

from tasks_app.services import submit_task
from tasks_app.specs import TaskSpec
from tests import import_handlers  # noqa: F401 - registers its type here too
from tests.engine import Engine


def test_nothing_is_imported_after_the_forks(engine: Engine) -> None:
    engine.dispatcher()
    engine.worker(TASKPLANE_PROCESSORS="tests.import_handlers")

    task_id = submit_task(spec=TaskSpec(type="test.imported-since-the-fork"))

    assert engine.wait_for(task_id).result == []
