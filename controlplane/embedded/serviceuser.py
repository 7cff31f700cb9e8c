"""The system user for the embedded servers when root starts Taskplane. Postgres refuses to run as
root, and a Valkey that runs as root would be a way to become root.
"""

import errno
import os
import pwd
import shutil
import stat
import struct
import subprocess
from pathlib import Path
from typing import Any

from controlplane.embedded.home import EmbeddedError

SERVICE_USER = "taskplane-db"
FALLBACK_USER = "nobody"

# Packed by hand, since `setfacl` is missing in slim images and no Python package is a dependency.
# Layout of the extended attribute that holds a POSIX access control list on Linux.
ACL_ATTRIBUTE = "system.posix_acl_access"
ACL_VERSION = 2
ACL_ENTRY = "<HHI"
ACL_OWNER, ACL_USER, ACL_GROUP, ACL_MASK, ACL_OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
ACL_NO_ID = 0xFFFFFFFF


def service_user() -> pwd.struct_passwd | None:
    """The user that runs the servers; None if Taskplane itself is not root."""
    if os.geteuid() != 0:
        return None
    found = _lookup(SERVICE_USER)
    if found is None and (useradd := shutil.which("useradd")):
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        # Two starts at once may both try; the look-up below finds the user either way.
        subprocess.run([*command, SERVICE_USER], check=False, capture_output=True)
        found = _lookup(SERVICE_USER)
    found = found or _lookup(FALLBACK_USER)
    if found is None:
        raise EmbeddedError(
            f"Postgres does not run as root and no user {SERVICE_USER!r} could be created: "
            "start Taskplane as an ordinary user, or set DATABASE_URL and REDIS_HOST."
        )
    return found


def _lookup(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def run_as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for `subprocess` that start a program as the user, from a folder it can enter."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    # A session of its own: Ctrl-C in the terminal must not end the program half way.
    common: dict[str, Any] = {
        "cwd": "/",
        "env": environment,
        "umask": 0o077,
        "start_new_session": True,
    }
    if user is None:
        return common
    return common | {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def give(path: Path, user: pwd.struct_passwd | None) -> None:
    """Make the user the owner of the folder or file, and let it reach it."""
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
        let_reach(path, user)


def let_reach(path: Path, user: pwd.struct_passwd | None) -> None:
    """Let the user traverse every parent of the path (not list or read it)."""
    if user is None:
        return
    for parent in path.resolve().parents:
        if not _may_pass(parent, user):
            _grant_pass(parent, user)


def _may_pass(folder: Path, user: pwd.struct_passwd) -> bool:
    status = folder.stat()
    if status.st_uid == user.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    return bool(status.st_mode & stat.S_IXOTH) or user.pw_uid in _acl_passers(folder)


def _read_acl(folder: Path) -> list[tuple[int, int, int]]:
    try:
        raw = os.getxattr(folder, ACL_ATTRIBUTE)
    except (OSError, AttributeError):
        mode = folder.stat().st_mode
        return [
            (ACL_OWNER, mode >> 6 & 7, ACL_NO_ID),
            (ACL_GROUP, mode >> 3 & 7, ACL_NO_ID),
            (ACL_OTHER, mode & 7, ACL_NO_ID),
        ]
    return list(struct.iter_unpack(ACL_ENTRY, raw[4:]))


def _acl_passers(folder: Path) -> set[int]:
    entries = _read_acl(folder)
    mask = next((perm for tag, perm, _ in entries if tag == ACL_MASK), 0)
    return {uid for tag, perm, uid in entries if tag == ACL_USER and perm & mask & 1}


def _grant_pass(folder: Path, user: pwd.struct_passwd) -> None:
    """Grant traversal to this user only, or to everybody if the file system has no access lists."""
    entries = [e for e in _read_acl(folder) if (e[0], e[2]) != (ACL_USER, user.pw_uid)]
    group = next(perm for tag, perm, _ in entries if tag == ACL_GROUP)
    mask = next((perm for tag, perm, _ in entries if tag == ACL_MASK), group)
    entries = [e for e in entries if e[0] != ACL_MASK]
    entries += [(ACL_USER, 1, user.pw_uid), (ACL_MASK, mask | 1, ACL_NO_ID)]
    packed = struct.pack("<I", ACL_VERSION)
    packed += b"".join(struct.pack(ACL_ENTRY, *entry) for entry in sorted(entries, key=_acl_order))
    try:
        os.setxattr(folder, ACL_ATTRIBUTE, packed)
    except AttributeError:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EINVAL):
            raise
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)


def _acl_order(entry: tuple[int, int, int]) -> tuple[int, int]:
    return entry[0], entry[2]
