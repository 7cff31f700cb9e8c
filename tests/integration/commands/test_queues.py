"""`manage.py queues`."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tasks_app.models import Queue
from tests.factories import make_queue, make_task
from tests.integration.commands.running import run

pytestmark = pytest.mark.django_db


def test_list() -> None:
    assert "There are no queues yet" in run("queues", "list").out
    make_task(queue="mail")
    make_queue("slow", max_running=2, rate_per_second=0.5)
    ran = run("queues", "list")
    assert "mail" in ran.out
    assert "2 at once, 0.5/s" in ran.out
    assert [queue["depth"] for queue in run("queues", "list", "--json").json] == [1, 0]


def test_pause_and_resume() -> None:
    make_queue("mail")
    assert "at the command line" in run("queues", "pause", "mail").out
    assert Queue.objects.get().paused_at is not None
    assert run("queues", "resume", "mail", "--json").json[0]["paused"] is False
    assert run("queues", "pause", "nowhere").code == 3
    assert run("queues", "pause", "mail", "--reason=a storm").code == 0
    assert Queue.objects.get().pause_reason == "a storm"
    assert run("queues", "pause", "mail", f"--reason={'x' * 501}").code == 2


def test_limits() -> None:
    make_queue("mail")
    found = run("queues", "limit", "mail", "--max-running=3", "--rate=1.5", "--json").json[0]
    assert (found["maxRunning"], found["ratePerSecond"]) == (3, 1.5)
    found = run("queues", "limit", "mail", "--max-running=none", "--json").json[0]
    assert (found["maxRunning"], found["ratePerSecond"]) == (None, 1.5)
    assert run("queues", "limit", "mail").code == 2


@pytest.mark.parametrize("option", ["--max-running=0", "--max-running=x", "--rate=0", "--rate=nan"])
def test_wrong_limits(option: str) -> None:
    make_queue("mail")
    with pytest.raises(CommandError, match=r"is not a (whole )?number from"):
        call_command("queues", "limit", "mail", option)
