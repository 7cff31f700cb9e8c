"""The logs of worker processes: one file each, of bounded size, and not too many of them."""

import shutil
from collections.abc import Collection
from pathlib import Path

from controlplane.core.masking import mask_secrets
from controlplane.embedded import home, processes

LIMIT_BYTES = 5_000_000
KEPT = 20  # of workers that are gone
_TAIL_LINES = 50


class ProcessLogs:
    """`worker-<key>.log` in one folder; an older part of it is `worker-<key>.log.1`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path:
        """The log of a worker."""
        return home.ensure_folder(self._folder, 0o700) / f"worker-{key}.log"

    def last_lines(self, key: str) -> list[str]:
        """The end of the log, secrets masked; empty when nothing was written."""
        return [mask_secrets(line) for line in processes.tail(self.path(key), lines=_TAIL_LINES)]

    def tidy(self, keys: Collection[str]) -> None:
        """Bound the logs of these workers, and remove all but the newest of those that are gone."""
        kept = {self.path(key) for key in keys}
        for path in kept:
            if path.exists() and path.stat().st_size > LIMIT_BYTES:
                _rotate(path)
        gone = [path for path in self._folder.glob("worker-*.log") if path not in kept]
        gone.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in gone[KEPT:]:
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.1").unlink(missing_ok=True)


def _rotate(path: Path) -> None:
    # The worker holds the file open and appends: it is emptied in place. What is written between
    # the copy and that is lost; on a full disk nothing can be copied, and it is emptied all the
    # same.
    try:
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    finally:
        with path.open("r+b") as file:
            file.truncate(0)
