"""`manage.py top` and `--watch` in a terminal, as a person uses them."""

import signal
import subprocess
import sys

import pytest
from django.db import connection, transaction
from psycopg import connect

from controlplane.workspaces.models import AuditEvent
from dlq.models import GroupNote, LetterGroup, Replay
from tasks_app.models import Queue, QueueDescriptor
from tests.architecture.test_conventions import ROOT
from tests.factories import make_leader, make_letter, make_node, make_queue, make_task
from tests.terminals import terminal
from workers.models import Node

pytestmark = pytest.mark.django_db(transaction=True)


def make_world() -> None:
    """Two queues with work, a node, and a group of three letters."""
    make_leader("dispatcher", seconds=600)
    for name in ("mail", "reports"):
        make_queue(name)
        make_task(queue=name)
    make_node()
    for _ in range(3):
        make_letter()


def test_pause_drain_and_reprocess(component_env: dict[str, str]) -> None:
    make_world()
    node, group = Node.objects.get(), LetterGroup.objects.get()
    with terminal("top", "--interval", "0.5", env=component_env) as top:
        top.wait_for("1 Queues", "mail", "reports", "p pause, resume")

        top.press("/", "mail", "enter", "p")
        top.wait_for("Pause the queue mail?", "This can be undone.")
        top.press("a storm", "enter")
        top.wait_for("The queue mail is paused.", "u: resume mail", "paused")
        assert Queue.objects.get(name="mail").pause_reason == "a storm"
        top.press("u")
        top.wait_for("The queue mail is running again.")
        assert Queue.objects.get(name="mail").paused_at is None

        top.press("2", "d")
        top.wait_for(f"Drain the node {node.name}?", "cannot be undone")
        top.press("enter")
        top.wait_for("Give a reason")
        assert Node.objects.get().drain_requested_at is None
        top.press("new release", "enter")
        top.wait_for("drains;", "draining")
        assert Node.objects.get().drain_requested_at is not None

        top.press("3", "r")
        top.wait_for("Reprocess 3 letters", "3 tasks that failed run again", "All: ")
        top.press("it is fixed", "enter")
        top.wait_for("The replay of 3 letters has started.", "replay 0 %")
        replay = Replay.objects.get()
        assert (replay.matched, replay.stages) == (3, [5, 50])
        assert GroupNote.objects.get(group=group).text == "it is fixed"
        top.press("u")
        top.wait_for("The replay has stopped;")
        assert Replay.objects.get().state == "CANCELLED"

        top.press("q")
        assert top.end() == 0
        assert top.is_restored
    events = {event.action: event for event in AuditEvent.objects.all()}
    assert {"queue.change", "node.drain", "dlq.replay", "dlq.replay_cancel"} <= set(events)
    assert events["node.drain"].detail["reason"] == "new release"
    assert events["dlq.replay"].detail["reason"] == "it is fixed"
    assert all("at the command line" in event.actor_label for event in events.values())
    assert {event.door for event in events.values()} == {"command"}


def test_sizes_details_and_pastes(component_env: dict[str, str]) -> None:
    make_world()
    with terminal("top", "--interval", "0.5", env=component_env, size=(200, 60)) as top:
        top.wait_for("1 Queues", "2 Nodes", "3 Failures", "waiting, 1 h", "fingerprint")
        top.resize(80, 24)
        top.wait(lambda: "fingerprint" not in top.text and "1 Queues" in top.text, "one list")
        top.resize(40, 10)
        top.wait_for("This terminal has 40 columns")
        top.press("p", "unseen", "enter")
        top.wait_until_read()  # or they would be seen, and act
        top.resize(80, 24)
        top.wait_for("oldest wait", "1 Queues")
        assert not Queue.objects.filter(paused_at__isnull=False).exists()

        first = top.chosen[:20]
        top.press("down")
        top.wait(lambda: top.chosen and top.chosen[:20] != first, "another row")
        chosen = top.chosen[:20]
        top.paste("q\np\n\n")  # no commands
        top.press("?")
        top.wait_for("Sort by the next column")
        top.press("escape", "3", "enter")
        top.wait_for("fingerprint", "open letters", "letter ")
        top.press("escape", "1")
        top.wait(lambda: top.chosen[:20] == chosen, "the same row")

        top.process.send_signal(signal.SIGSTOP)
        top.screen.reset()
        top.process.send_signal(signal.SIGCONT)
        top.wait_for("1 Queues", "p pause, resume")
        top.process.send_signal(signal.SIGTERM)
        assert top.end() == 143 or top.process.returncode == -15
        assert top.is_restored


def test_an_undo_leaves_what_somebody_else_has_changed(component_env: dict[str, str]) -> None:
    make_world()
    with terminal("top", "--interval", "0.5", env=component_env) as top:
        top.wait_for("1 Queues", "mail")
        top.press("/", "mail", "enter", "p")
        top.wait_for("Pause the queue mail?")
        top.press("a storm", "enter")
        top.wait_for("u: resume mail")
        Queue.objects.filter(name="mail").update(pause_reason="an outage")
        top.press("u")
        top.wait_for("The queue mail has been changed since.")
        top.press("q")
    assert Queue.objects.get(name="mail").paused_at is not None


def test_a_question_that_comes_late_replaces_none(component_env: dict[str, str]) -> None:
    make_world()
    with terminal("top", "--interval", "0.5", env=component_env) as top:
        top.wait_for("1 Queues", "mail")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE dlq_lettergroup IN ACCESS EXCLUSIVE MODE")
            top.press("3", "r")
            top.wait_for("Reading the group")
            top.press("1", "p")
            top.wait_for("Pause the queue")
            top.press("a st")
        top.wait_for("nothing was opened", "Pause the queue", "a st")
        top.press("orm", "enter")
        top.wait_for("is paused.")
        top.press("q")
    assert not Replay.objects.exists()
    assert Queue.objects.get(paused_at__isnull=False).pause_reason == "a storm"


def test_everything_about_a_row(component_env: dict[str, str]) -> None:
    make_world()
    QueueDescriptor.objects.create(queue=Queue.objects.get(name="mail"), owner="Post office")
    with terminal("top", "--interval", "0.5", env=component_env) as top:
        top.wait_for("1 Queues", "mail")
        top.press("/", "mail", "enter", "enter")
        top.wait_for("owner", "Post office", "oldest wait")
        top.press("escape", "3", "enter")
        top.wait_for("first seen", "on Taskplane 0")
        top.press("q")


def test_a_database_that_goes_away_and_comes_back(component_env: dict[str, str]) -> None:
    make_world()
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own = cursor.fetchone()[0]
    known = connection.get_connection_params()
    parameters = {key: known[key] for key in ("host", "port", "user", "password") if key in known}
    with terminal("top", "--interval", "0.5", env=component_env) as top:
        top.wait_for("1 Queues", "mail")
        with connect(**parameters | {"dbname": "postgres"}, autocommit=True) as server:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            try:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND pid <> %s",
                    [name, own],
                )
                top.wait_for("Postgres does not answer: figures of", "mail")
            finally:
                server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        top.wait(lambda: "Postgres" not in top.text and "mail" in top.text, "figures again")
        top.process.send_signal(signal.SIGINT)
        assert top.end() == 0
        assert top.is_restored
        assert b"Traceback" not in top.raw


def test_without_a_terminal_it_prints_one_snapshot(component_env: dict[str, str]) -> None:
    make_world()
    done = subprocess.run(
        [sys.executable, "manage.py", "top"],
        cwd=ROOT,
        env=component_env | {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Redis does not answer" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "Queues 3" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_watch_draws_in_place_and_ends_with_ctrl_c(component_env: dict[str, str]) -> None:
    make_queue("mail")
    with terminal("queues", "list", "--watch", "0.5", env=component_env) as watch:
        watch.wait_for("manage.py queues list --watch 0.5", "mail")
        make_queue("letters")
        watch.wait_for("letters", "mail")
        watch.process.send_signal(signal.SIGINT)
        assert watch.end() == 0
        assert watch.is_restored
