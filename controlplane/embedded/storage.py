"""Whether the embedded servers can write to their folder, and what to do if they cannot."""

import os
import pwd
import re
import stat
from pathlib import Path

from controlplane.embedded import serviceuser

# A segment of Postgres's log. With less it stops as soon as it needs the next one.
LOW_BYTES = 16 << 20
# Nothing can be written any more. A full file system may still count a few blocks as free.
FULL_BYTES = 1 << 20
_FEW_INODES = 16
_MB = 1 << 20
_CAUSES = re.compile(
    r"no space left on device|disk quota exceeded|read-only file system|permission denied"
    r"|could not extend file|wrote only \d+ of \d+ bytes",
    re.IGNORECASE,
)
_STAMP = re.compile(r"^.*?(?=\b(?:FATAL|PANIC|ERROR):)")  # before the level, in a line of Postgres


def free_bytes(folder: Path) -> int:
    """The bytes that an ordinary user can still write there. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def find_problem(folder: Path, minimum: int = LOW_BYTES) -> str:
    """Why the servers cannot write there and what to do, in two sentences; empty when they can.

    minimum: bytes that must be free. Checks the folder, or the nearest parent that exists.
    """
    path = _nearest(folder)
    found = os.statvfs(path)
    free = found.f_bavail * found.f_frsize
    if found.f_flag & os.ST_RDONLY:
        return (
            f"The file system of {path} is read-only. Remount it for writing, or move the folder "
            "to another disk and set TASKPLANE_HOME."
        )
    if free < minimum:
        total = found.f_blocks * found.f_frsize
        return (
            f"No space left on device: {path} has {free / _MB:.1f} MB free of "
            f"{total / _MB:.0f} MB. Free at least {minimum // _MB} MB there; the server then "
            "continues."
        )
    if found.f_files and found.f_favail < _FEW_INODES:
        return (
            f"No inodes left on the file system of {path}: {found.f_favail} of {found.f_files} are "
            "free. Remove files there; the server then continues."
        )
    return _find_owner_problem(path)


def explain(reason: str, folder: Path, otherwise: str) -> str:
    """The problem of the folder; otherwise `reason` with the free space, if it is about storage;
    otherwise `otherwise`."""
    if problem := find_problem(folder):
        return problem
    if _CAUSES.search(reason):
        path = _nearest(folder)
        return (
            f"The servers cannot write in {folder} ({_STAMP.sub('', reason)}); "
            f"{free_bytes(path) / _MB:.0f} MB are free. Free space, raise the quota, or correct "
            "the permissions there."
        )
    return otherwise


def names_cause(line: str) -> bool:
    return _CAUSES.search(line) is not None


def _nearest(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _find_owner_problem(path: Path) -> str:
    """As the user that the servers run as; root's own rights do not help them."""
    user = serviceuser.service_user()
    status = path.stat()
    uid = user.pw_uid if user is not None else os.geteuid()
    if status.st_uid != uid or path.name not in ("postgres", "valkey", "data"):
        return ""  # a parent, which needs passage only; or another user's, which start reports
    if status.st_mode & stat.S_IRWXU == stat.S_IRWXU:
        return ""
    name = user.pw_name if user is not None else pwd.getpwuid(uid).pw_name
    return f"Permission denied: {name} cannot write in {path}. Run chmod u+rwx {path}."
