"""The scripts: what they say to a machine that cannot run Taskplane, and how little they need."""

import shutil
import subprocess
from pathlib import Path

import pytest

from controlplane.embedded import home

OLD_PYTHON = """#!{shell}
case "$2" in
    *version_info*) exit 1 ;;
    *) echo 3.9.18 ;;
esac
"""
BASH = shutil.which("bash") or "/bin/bash"


def find_python(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Look for Python on a machine whose programs are the ones in the folder."""
    dirname = shutil.which("dirname")
    assert dirname is not None
    (folder / "dirname").symlink_to(dirname)
    return subprocess.run(
        [
            BASH,
            "-c",
            f'set -euo pipefail; source "{home.PROJECT}/scripts/bootstrap.sh"; find_python',
        ],
        env={"PATH": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )


def put(folder: Path, name: str, text: str) -> Path:
    program = folder / name
    program.write_text(text.format(shell=BASH))
    program.chmod(0o755)
    return program


def test_too_old_a_python_is_one_sentence(tmp_path: Path) -> None:
    put(tmp_path, "python3", OLD_PYTHON)
    result = find_python(tmp_path)
    assert result.returncode == 2
    assert result.stderr == (
        "taskplane: Python 3.11 or later is needed and only 3.9.18 was found: install a newer "
        "one, or name it with PYTHON=/path/to/python.\n"
    )


def test_no_python_at_all_is_one_sentence(tmp_path: Path) -> None:
    result = find_python(tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("taskplane: Python 3.11 or later is needed and none was found")
    assert result.stderr.count("\n") == 1


def test_a_newer_one_is_found_behind_an_older_one(tmp_path: Path) -> None:
    put(tmp_path, "python3", OLD_PYTHON)
    wanted = put(tmp_path, "python3.12", "#!{shell}\nexit 0\n")
    result = find_python(tmp_path)
    assert (result.returncode, result.stdout) == (0, f"{wanted}\n")


def test_the_one_that_was_named_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "python3.13", "#!{shell}\nexit 0\n")
    wanted = put(tmp_path, "mine", "#!{shell}\nexit 0\n")
    assert find_python(tmp_path, PYTHON=str(wanted)).stdout == f"{wanted}\n"


@pytest.mark.parametrize("name", ["up", "test", "lint"])
def test_help_installs_nothing(tmp_path: Path, name: str) -> None:
    scripts = tmp_path / "scripts"
    shutil.copytree(home.PROJECT / "scripts", scripts)
    result = subprocess.run(
        [scripts / name, "--help"], capture_output=True, text=True, timeout=30, check=True
    )
    assert result.stdout.startswith(f"Usage: ./scripts/{name}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["scripts"]


@pytest.mark.parametrize("name", ["base", "dev", "prod"])
def test_what_is_installed_is_locked_and_names_no_index(name: str) -> None:
    text = (home.PROJECT / "requirements" / f"{name}.txt").read_text()
    assert "--index-url" not in text
    assert "://" not in text
    pinned = [line for line in text.splitlines() if line and line[0].isalnum()]
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert text.count("--hash=sha256:") >= len(pinned)
