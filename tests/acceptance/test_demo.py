"""`manage.py demo` and `enqueue --wait` against a real worker and dispatcher."""

import json
import subprocess
import sys

import pytest

from tasks_app.models import Task
from tests.engine import ROOT, Engine
from tests.standing import StandingEngine

pytestmark = pytest.mark.django_db(transaction=True)


def manage(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=engine.env,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.nightly
def test_the_demos_totals_are_equal(engine: Engine) -> None:
    engine.worker()
    engine.dispatcher()
    ran = manage(engine, "demo", "--json", "--timeout=100")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["equal"] is True
    assert found["merged"] == found["direct"]
    assert found["merged"]["files"] > 1_000
    assert found["notText"]["category"] == "VALIDATION"
    assert Task.objects.filter(state="FAILED").count() == 1
    assert Task.objects.filter(priority=50, state="COMPLETED").exists()
    assert Task.objects.filter(run_at__isnull=False, state="COMPLETED").exists()


def test_enqueue_waits_and_reports(running: StandingEngine) -> None:
    done = manage(running, "enqueue", "sleep", '--payload={"ms": 5}', "--wait")
    assert done.returncode == 0, done.stderr
    assert "1 COMPLETED" in done.stdout
    assert '"ms": 5' in done.stdout
    many = manage(running, "enqueue", "noop", "--count=300", "--wait", "--json")
    assert json.loads(many.stdout)["states"] == {"COMPLETED": 300}
    failed = manage(running, "enqueue", "test-fail", "--wait")
    assert failed.returncode == 1
    assert "never again" in failed.stdout
