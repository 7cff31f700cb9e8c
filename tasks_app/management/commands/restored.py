"""`manage.py restored`: hold all work after the database was restored from a backup."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from controlplane.core.clock import utc_z
from controlplane.core.console.command import ConsoleCommand, Options, Reply
from controlplane.core.console.secondlook import Effect, Look
from controlplane.core.formatting import format_count
from controlplane.workspaces.console import terminal_actor
from controlplane.workspaces.queries import list_workspaces
from tasks_app.services.restored import HeldQueue, find_backup_time, hold_after_restore

_REASON = "Restored from a backup of {at}: unfinished tasks may have run since."
_MESSAGE = (
    "The database was restored from a backup of {at}. The task was unfinished then, so it may have "
    "run since, and runs again when its queue is resumed."
)


class Command(ConsoleCommand):
    """Audited in each workspace."""

    help = "After a restore from a backup: pause all queues, and mark what may run twice."
    notes = (
        "Run it before dispatchers and workers start. A backup does not know what ran after it: "
        "each task that was unfinished then may have run since. The command pauses every queue, "
        "writes a line into the log of each such task, and lists how many there are. Look at them, "
        "cancel those that must not run again, then resume: manage.py queues resume NAME."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_run(parser, self._run, Effect.ENDS, has_reason=True)

    def _run(self, options: Options) -> Any:
        found = find_backup_time()
        at = "an unknown time" if found is None else utc_z(found.replace(microsecond=0))
        text = "No task starts anywhere until each queue is resumed."
        self.look_twice(Look("Pause every queue of every workspace", text), options)
        held = hold_after_restore(
            reason=_REASON.format(at=at), message=_MESSAGE.format(at=at), actor=terminal_actor()
        )
        slugs = {each.id: each.slug for each in list_workspaces()}
        rows = [
            {
                "workspace": slugs[each.workspace_id],
                "queue": each.name,
                "unfinished": each.unfinished,
                "wasPaused": each.was_paused,
            }
            for each in held
        ]
        return Reply({"backupAt": None if found is None else utc_z(found), "queues": rows},
                     _describe(at, held, rows))  # fmt: skip


def _describe(at: str, held: Sequence[HeldQueue], rows: Sequence[dict[str, Any]]) -> list[str]:
    unfinished = sum(each.unfinished for each in held)
    lines = [
        f"The newest entry is of {at}.",
        f"Paused {format_count(len(held), 'queue')}.",
        f"{format_count(unfinished, 'task')} may have run since the backup:",
    ]
    for row in rows:
        if row["unfinished"] or row["wasPaused"]:
            paused = ", was paused before" if row["wasPaused"] else ""
            lines.append(f"  {row['workspace']} / {row['queue']}: {row['unfinished']:,}{paused}")
    return lines
