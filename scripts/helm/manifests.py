"""The plain manifests in deploy/kubernetes: what the chart makes from values.yaml there."""

import re
import subprocess
from pathlib import Path

from scripts.helm.documents import CHART
from scripts.helm.tools import ROOT, find_helm

PLAIN = ROOT / "deploy" / "kubernetes"
_SOURCE = re.compile(r"^# Source: taskplane/templates/(\S+)\n", re.MULTILINE)
_HELMS = re.compile(r"^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", re.MULTILINE)
_HEAD = (
    "# Made by scripts/render-chart from deploy/helm/taskplane and values.yaml: change it there.\n"
)
# What follows the number that the autoscaler publishes: not part of kustomization.yaml.
_FOLLOWERS = {"hpa.yaml": "hpa", "keda.yaml": "keda"}
_REMARKS = {
    "migrate.yaml": (
        "# A Job cannot be changed: delete the one of the release before, if it is still there:\n"
        "# kubectl -n taskplane delete job taskplane-migrate --ignore-not-found\n"
    ),
    **dict.fromkeys(
        _FOLLOWERS,
        "# Not part of kustomization.yaml. With the back-end `kubernetes` both would move the\n"
        "# same deployment.\n",
    ),
}


def manifests() -> dict[Path, str]:
    """Each file with the text that it should have. Raises MissingToolError: there is no Helm."""
    found = split(render(["--values", str(PLAIN / "values.yaml")]))
    for name, scaled_by in _FOLLOWERS.items():
        chosen = f"workerSets.default.scaledBy={scaled_by}"
        options = ["--values", str(PLAIN / "values.yaml"), "--set", chosen]
        found[name] = split(render([*options, "--show-only", f"templates/{name}"]))[name]
    return {
        PLAIN / name: _HEAD + _REMARKS.get(name, "") + plain(text) for name, text in found.items()
    }


def render(options: list[str], *, release: str = "taskplane") -> str:
    """What `helm template` prints. Raises MissingToolError, or CalledProcessError with the reason
    in `stderr`."""
    command = [str(find_helm()), "template", release, str(CHART), "--namespace", "taskplane"]
    done = subprocess.run(
        [*command, *options], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def split(text: str) -> dict[str, str]:
    """The objects by the template that they come from, in the order of Helm."""
    parts = _SOURCE.split(text)[1:]
    found: dict[str, str] = {}
    for name, part in zip(parts[::2], parts[1::2], strict=True):
        body = part.removesuffix("---\n").strip("\n") + "\n"
        found[name] = f"{found[name]}---\n{body}" if name in found else body
    return found


def plain(text: str) -> str:
    """Without what is Helm's: its labels, and names that change with the content of a Job."""
    kept = _HELMS.sub("", text)
    return re.sub(r"(taskplane-migrate)-[0-9a-f]{8}\b", r"\1", kept)
