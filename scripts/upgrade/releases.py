"""A release is a folder with its code. All run with the packages of this checkout's environment."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class RehearsalError(Exception):
    """The rehearsal cannot go on; the message says why."""


@dataclass(frozen=True)
class Release:
    """Code that components are started from. `env` is added to that of each process."""

    name: str
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def has(self, path: str) -> bool:
        return (self.folder / path).exists()

    def manage(self, env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, with what it printed. Raises RehearsalError."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder, env=self._env(env), text=True, check=False, capture_output=True,
        )  # fmt: skip
        if done.returncode:
            raise RehearsalError(
                f"manage.py {arguments[0]} of {self.name} ended with {done.returncode}: "
                f"{(done.stderr or done.stdout).strip()[-1_500:]}"
            )
        return done

    def start(
        self, env: Mapping[str, str], arguments: list[str], output: Path
    ) -> "subprocess.Popen[bytes]":
        """Start a process whose output goes to the file."""
        with output.open("ab") as file:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.folder, env=self._env(env), stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def _env(self, env: Mapping[str, str]) -> dict[str, str]:
        # The folder of the handlers comes after that of the code.
        path = os.pathsep.join([str(self.folder), env["TASKPLANE_REHEARSAL_FOLDER"]])
        own = {"PYTHONPATH": path, "TASKPLANE_REHEARSAL_RELEASE": self.name}
        return {**os.environ, **env, **self.env, **own}


def extract(revision: str, folder: Path) -> Release:
    """The code of a revision, in a new folder. Raises RehearsalError."""
    found = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode:
        raise RehearsalError(
            f"This clone has no revision {revision}: name another, or get the whole history with "
            "git fetch --unshallow."
        )
    commit = found.stdout.decode().strip()
    folder.mkdir(mode=0o755)
    archive = _git("archive", "--format=tar", commit)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return Release(commit[:8], folder)


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    program = shutil.which("git")
    if program is None:
        raise RehearsalError("There is no git, which knows the code of earlier releases.")
    return subprocess.run([program, *arguments], cwd=ROOT, check=False, capture_output=True)
