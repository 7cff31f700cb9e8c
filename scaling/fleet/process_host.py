"""The host of the process back-end: the logs of its workers, and free memory."""

import shutil
from collections.abc import Collection
from pathlib import Path

import psutil

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
        return home.ensure_folder(self._folder, 0o700) / f"worker-{key}.log"

    def last_lines(self, key: str) -> list[str]:
        """The end of the log with secrets masked; empty if nothing was written."""
        return [mask_secrets(line) for line in processes.tail(self.path(key), lines=_TAIL_LINES)]

    def tidy(self, keys: Collection[str]) -> None:
        """Limit the logs of these workers, and remove all but the newest logs of ended ones."""
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


GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# Limit, use, and which part of it is cache that is freed first: version 2, then version 1.
_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_bytes(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int:
    """The memory that can be used before the kernel kills a process."""
    return min([int(psutil.virtual_memory().available), *_left_in_groups(groups, membership)])


def _left_in_groups(root: Path, membership: Path) -> list[int]:
    """The memory left below the limit of each control group, up to the outermost visible one."""
    left: list[int] = []
    for top, path in _own_groups(root, membership):
        folder = top / path.lstrip("/")
        # In a container the path is the host's; the group itself is then the top.
        while not folder.is_dir() and folder != top:
            folder = folder.parent
        for each in (folder, *folder.parents):
            left += _left_in(each)
            if each == top:
                break
    return left


def _own_groups(root: Path, membership: Path) -> list[tuple[Path, str]]:
    """The tops of the trees that limit memory, and the path of this process in each."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []  # not Linux
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found.append((root, path))
        elif "memory" in controllers.split(","):
            found.append((root / "memory", path))
    return found


def _left_in(group: Path) -> list[int]:
    for limit_file, use_file, cache_name in _FILES:
        try:
            limit = (group / limit_file).read_text(encoding="ascii").strip()
            used = int((group / use_file).read_text(encoding="ascii"))
            stat = (group / "memory.stat").read_text(encoding="ascii")
        except OSError:
            continue  # the other version, or a group without a limit of its own
        if limit == "max":
            continue
        counts = dict(line.split(" ", 1) for line in stat.splitlines())
        return [int(limit) - used + int(counts.get(cache_name, 0))]
    return []
