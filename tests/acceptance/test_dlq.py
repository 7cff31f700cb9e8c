"""The cause is fixed while letters wait: the canary tries a few of them, then all are sent."""

from pathlib import Path

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.queries import get_default_workspace_id
from dlq import queries, replays
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, Replay
from tasks_app.models import Task
from tasks_app.services import submit_tasks
from tasks_app.specs import TaskSpec
from tests.engine import Engine
from tests.standing import StandingEngine


def replay_to_end(engine: Engine, expected: str) -> Replay:
    replay = replays.start_replay(
        workspace_id=get_default_workspace_id(),
        letter_filter=LetterFilter(types=("test-needs-file",)),
        actor=SYSTEM,
    )
    engine.wait(
        lambda: Replay.objects.filter(id=replay.id, state=expected).exists(),
        f"the replay to be {expected}",
    )
    replay.refresh_from_db()
    return replay


def test_a_canary_stops_while_the_cause_lasts_and_passes_once_it_is_fixed(
    running: StandingEngine, tmp_path: Path
) -> None:
    missing = tmp_path / "exchange-rates.txt"
    spec = TaskSpec(type="test-needs-file", payload={"path": str(missing)})
    submit_tasks(specs=[spec] * 60)
    running.wait(lambda: DeadLetter.objects.count() == 60, "60 letters")

    (group,) = queries.list_groups(get_default_workspace_id())
    assert (group.count, group.error_class) == (60, "FileNotFoundError")
    letter = queries.get_letter(get_default_workspace_id(), group.letter_id)
    assert "tests/handlers.py" in letter.error["traceback"]
    assert letter.attempts[0]["workerNode"]

    stopped = replay_to_end(running, "STOPPED")
    assert (stopped.submitted, stopped.succeeded) == (5, 0)
    assert f"fingerprint {group.fingerprint}" in stopped.stop_reason
    open_ones = DeadLetter.objects.filter(status="OPEN")
    running.wait(lambda: open_ones.count() == 60, "the letters of the five that died again")

    missing.write_text("1 EUR = 1.17 USD")
    completed = replay_to_end(running, "COMPLETED")
    assert (completed.succeeded, completed.failed, completed.skipped) == (60, 0, 0)
    stages = queries.describe_replay(completed).stages
    assert [(stage.size, stage.submitted) for stage in stages] == [(5, 5), (50, 50), (None, 5)]
    assert not open_ones.exists()
    done = Task.objects.filter(reprocess_of__isnull=False, state="COMPLETED")
    assert set(done.values_list("result", flat=True)) == {"1 EUR = 1.17 USD"}
