"""Rehearse what nobody wants to do for the first time in earnest: back up under load, lose the
database, restore it, and look at what ran twice.

It uses an embedded Postgres and Valkey, a dispatcher and a worker of its own in a temporary folder,
and never touches another database. About a minute.

What it verifies: every task that was acknowledged before the backup is there afterwards and
completes; nothing starts before the queues are resumed; each task that runs twice has a line in its
log that says so.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BEFORE, _AFTER = 600, 200
_STEPS_SECONDS = 120
_QUIET_SECONDS = 4


class Rehearsal:
    """One rehearsal in one folder."""

    def __init__(self, folder: Path) -> None:
        self._traces = folder / "traces"
        self._traces.touch()
        self._dump = folder / "backup.dump"
        self._home = folder / "home"
        os.environ |= {
            "TASKPLANE_HOME": str(self._home),
            "TASKPLANE_DOTENV": os.devnull,
            "TASKPLANE_PROCESSORS": "scripts.restore.processors",
            "TASKPLANE_REHEARSAL_TRACES": str(self._traces),
            "TASKPLANE_LEASE_SECONDS": "3",
            "HEARTBEAT_INTERVAL": "500",
            "LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        }
        for name in ("DATABASE_URL", "REDIS_HOST", "CELERY_BROKER_URL"):
            os.environ.pop(name, None)
        self._components: list[subprocess.Popen[bytes]] = []
        self._log = (folder / "components.log").open("wb")
        self._began = time.monotonic()

    def run(self) -> list[str]:
        """All steps. Returns what was not as it should be."""
        self.start_servers()
        self.manage("migrate", "--noinput", "--verbosity", "0")
        import django

        django.setup()
        self.start_components()
        before = self.submit(_BEFORE)
        self.wait("a third of the tasks", lambda: len(self.traces()) >= _BEFORE // 3)
        self.back_up()
        after = self.submit(_AFTER)
        self.say(f"{len(after)} more tasks acknowledged after the backup: they will be lost")
        self.wait("all tasks", lambda: len(self.traces()) >= _BEFORE + _AFTER)
        ran_before = set(self.traces())
        self.lose()
        self.restore()
        self.say(self.manage("restored", "--yes").strip().replace("\n", "\n        "))
        self.start_components()
        time.sleep(_QUIET_SECONDS)
        faults = []
        if len(self.traces()) != len(ran_before):
            faults.append("Tasks ran before their queue was resumed.")
        self.manage("queues", "resume", "default", "--reason", "rehearsal")
        self.wait("the rest", lambda: not self.count_unfinished())
        return faults + self.compare(before)

    def start_servers(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "controlplane.embedded", "start"],
            cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def start_components(self) -> None:
        for command in (["dispatch"], ["worker", "--concurrency", "2"]):
            self._components.append(
                subprocess.Popen(
                    [sys.executable, "manage.py", *command],
                    cwd=ROOT,
                    stdout=self._log,
                    stderr=self._log,
                    start_new_session=True,
                )
            )

    def submit(self, count: int) -> list[str]:
        from tasks_app.services import submit_task
        from tasks_app.specs import TaskSpec

        return [str(submit_task(spec=TaskSpec(type="rehearsal-trace"))) for _ in range(count)]

    def back_up(self) -> None:
        from controlplane.embedded import postgres_url
        from controlplane.embedded.postgres import binary

        began = time.monotonic()
        subprocess.run(
            [binary("pg_dump"), "--format=custom", f"--file={self._dump}", postgres_url()],
            check=True,
        )
        size = self._dump.stat().st_size
        self.say(
            f"backed up under load in {time.monotonic() - began:.1f} s: {size / 1000:.0f} kB, "
            f"{len(self.traces())} of {_BEFORE} tasks had run"
        )

    def lose(self) -> None:
        """kill -9 of everything that runs tasks, and no database any more."""
        from django.db import connections

        self.kill_components()
        connections.close_all()
        self.stop_servers()
        shutil.rmtree(self._home / "postgres")
        self.say("components killed, database removed")

    def restore(self) -> None:
        from controlplane.embedded import postgres_url
        from controlplane.embedded.postgres import binary

        self.start_servers()
        began = time.monotonic()
        command = [binary("pg_restore"), "--exit-on-error", "--no-owner"]
        subprocess.run([*command, f"--dbname={postgres_url()}", self._dump], check=True)
        self.follow(postgres_url())
        self.say(f"restored in {time.monotonic() - began:.1f} s")

    @staticmethod
    def follow(url: str | None) -> None:
        """This process read the settings when the database had another port and password."""
        from django.db import connections

        from controlplane.settings.parts.database import parse_database_url

        place = parse_database_url(str(url))
        for connection in connections.all(initialized_only=False):
            connection.settings_dict |= {name: place[name] for name in ("HOST", "PORT", "PASSWORD")}

    def compare(self, before: list[str]) -> list[str]:
        from tasks_app.models import Task, TaskLog

        states = dict(Task.objects.values_list("id", "state"))
        there = {str(each): state for each, state in states.items()}
        missing = [each for each in before if each not in there]
        unfinished = [each for each in before if there.get(each) not in (None, "COMPLETED")]
        twice = {each for each, count in Counter(self.traces()).items() if count > 1}
        noted = {
            str(each)
            for each in TaskLog.objects.filter(message__contains="may have run since").values_list(
                "task_id", flat=True
            )
        }
        self.say(
            f"{len(before)} tasks acknowledged before the backup: {len(missing)} missing, "
            f"{len(before) - len(missing) - len(unfinished)} completed"
        )
        silent = len(twice - noted)
        self.say(f"{len(twice)} ran twice, {silent} of them without a line that says so")
        faults = []
        if missing:
            faults.append(f"{len(missing)} acknowledged tasks are missing.")
        if unfinished:
            faults.append(f"{len(unfinished)} tasks did not complete.")
        if silent:
            faults.append(f"{silent} tasks ran twice, and nothing says so.")
        if not twice:
            faults.append("No task ran twice, so nothing was shown: the backup came too late.")
        return faults

    # Helpers

    def traces(self) -> list[str]:
        return self._traces.read_text().split()

    def count_unfinished(self) -> int:
        from tasks_app.models import Task
        from tasks_app.states import FINAL

        return int(Task.objects.exclude(state__in=[state.value for state in FINAL]).count())

    def manage(self, *arguments: str) -> str:
        found = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return found.stdout

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + _STEPS_SECONDS
        while not condition():
            if time.monotonic() > give_up:
                raise TimeoutError(f"{what}: not within {_STEPS_SECONDS} s")
            time.sleep(0.05)

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.1f}s  {text}", flush=True)

    def kill_components(self) -> None:
        for component in self._components:
            try:
                os.killpg(component.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it has ended
            component.wait(10)
        self._components = []

    def stop_servers(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "controlplane.embedded", "stop"],
            cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def end(self) -> None:
        self.kill_components()
        self.stop_servers()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/rehearse-restore",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder, to look at")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="taskplane-restore-"))
    # The servers run as another user than root.
    folder.chmod(0o755)
    rehearsal = Rehearsal(folder)
    try:
        faults = rehearsal.run()
    except (subprocess.CalledProcessError, TimeoutError) as error:
        faults = [str(error)]
    finally:
        rehearsal.end()
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    if options.keep or faults:
        print(f"Kept: {folder}")
    else:
        shutil.rmtree(folder)
        print("Passed: nothing was lost, and what ran twice is on record.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
