"""How much memory is left on this host, and in the control groups that this process is in."""

from pathlib import Path

import psutil

GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# Limit, use, and which of the use is cache that is given up first: version 2, then version 1.
_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_bytes(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int:
    """What could still be used before something is ended for want of memory."""
    return min([int(psutil.virtual_memory().available), *_left_in_groups(groups, membership)])


def _left_in_groups(root: Path, membership: Path) -> list[int]:
    """What is left below the limit of each group, up to the outermost that can be seen."""
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
