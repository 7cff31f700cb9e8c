"""Style, schemas and security of the Dockerfile, the compose files and what the chart renders.

The tools are in .taskplane/tools, installed once. scripts/helm/exceptions.yaml has the rules that
are left out.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from scripts.helm.documents import CHART
from scripts.helm.manifests import render
from scripts.helm.tools import ROOT, TOOLS, MissingToolError, find_helm

# The newest that the chart was rendered for, and the oldest that the tool knows.
VERSIONS = ("1.35", "1.25")
_ENVIRONMENT = TOOLS / "lint"
_REQUIREMENTS = ROOT / "requirements" / "lint-deploy.txt"
_DCLINT = "dclint@3.1.0"
_EXCEPTIONS = ROOT / "scripts" / "helm" / "exceptions.yaml"
_SCHEMAS = ROOT / "tests" / "chart" / "schemas"
_UNKNOWN = re.compile(r"WARN .*find schema for kind (\S+) with api version (\S+) ")
_SECONDS = 300

Exceptions = dict[str, dict[str, str]]


def main() -> int:
    exceptions: Exceptions = yaml.safe_load(_EXCEPTIONS.read_text(encoding="utf-8"))
    try:
        install()
        rendered = render_all(TOOLS / "rendered")
    except MissingToolError as error:
        sys.exit(f"lint-deploy: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"lint-deploy: {(error.stderr or str(error)).strip()}")
    checks: list[Callable[[], list[str]]] = [
        check_chart,
        lambda: check_schemas(rendered),
        lambda: check_security(rendered, exceptions["checkov"]),
        lambda: check_dockerfile(exceptions["hadolint"]),
        lambda: check_compose(exceptions["dclint"]),
    ]
    found = [problem for check in checks for problem in check()]
    print("\n".join(found) if found else "lint-deploy: nothing found.")
    return int(bool(found))


def install() -> None:
    """The tools of requirements/lint-deploy.txt, again when that file has changed."""
    marker = _ENVIRONMENT / "installed.txt"
    wanted = _REQUIREMENTS.read_text(encoding="utf-8")
    if marker.exists() and marker.read_text(encoding="utf-8") == wanted:
        return
    print("Installing the tools of lint-deploy (once) ...", flush=True)
    uv = [sys.executable, "-m", "uv"]
    run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_ENVIRONMENT)])
    python = str(_ENVIRONMENT / "bin" / "python")
    options = ["--quiet", "--python", python, "--require-hashes", "-r", str(_REQUIREMENTS)]
    run([*uv, "pip", "install", *options])
    marker.write_text(wanted, encoding="utf-8")


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)


def call(command: list[str]) -> tuple[int, str]:
    """Exit code and output of a tool."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        cwd=ROOT,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
    )
    return done.returncode, done.stdout


def tool(name: str) -> str:
    return str(_ENVIRONMENT / "bin" / name)


def render_all(folder: Path) -> list[Path]:
    """One file for each set of values in `ci`. Raises MissingToolError, CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for values in sorted((CHART / "ci").glob("*.yaml")):
        file = folder / values.name
        file.write_text(render(["--values", str(values)]), encoding="utf-8")
        files.append(file)
    return files


def check_chart() -> list[str]:
    """Helm's own look at the chart."""
    sets = [str(path) for path in sorted((CHART / "ci").glob("*.yaml"))]
    problems = []
    for values in sets:
        code, output = call(
            [str(find_helm()), "lint", "--strict", "--quiet", str(CHART), "--values", values]
        )
        if code:
            problems.append(f"helm lint, {values}:\n{output.strip()}")
    return problems


def check_schemas(rendered: list[Path]) -> list[str]:
    """A kind without a schema is a problem unless tests/chart has one."""
    known = {tuple(path.stem.split(".", 1)) for path in _SCHEMAS.glob("*.json")}
    problems = []
    for version in VERSIONS:
        files = [str(file) for file in rendered]
        code, output = call([tool("kubernetes-validate"), "--strict", "-k", version, *files])
        unknown = {(kind, group.partition("/")[0]) for kind, group in _UNKNOWN.findall(output)}
        problems += [
            f"kubernetes-validate: there is no schema of {kind} of {group}"
            for kind, group in sorted(unknown - known)
        ]
        if code:
            problems.append(f"kubernetes-validate, Kubernetes {version}:\n{output.strip()}")
    return problems


def check_security(rendered: list[Path], exceptions: dict[str, str]) -> list[str]:
    files = [option for file in rendered for option in ("-f", str(file))]
    command = [tool("checkov"), "--framework", "kubernetes", "dockerfile", "--compact", "--quiet"]
    command += ["--skip-download"]  # rules only, no texts about them
    skipped = ["--skip-check", ",".join(exceptions)] if exceptions else []
    code, output = call([*command, *skipped, "-f", "docker/Dockerfile", *files])
    return [f"checkov:\n{output.strip()}"] if code else []


def check_dockerfile(exceptions: dict[str, str]) -> list[str]:
    ignored = [option for rule in exceptions for option in ("--ignore", rule)]
    code, output = call([tool("hadolint"), *ignored, "docker/Dockerfile"])
    return [f"hadolint:\n{output.strip()}"] if code else []


def check_compose(exceptions: dict[str, str]) -> list[str]:
    config = TOOLS / "dclint.json"
    config.write_text(json.dumps({"rules": dict.fromkeys(exceptions, 0)}), encoding="utf-8")
    files = ["docker-compose.yml", "docker-compose.scale.yml"]
    files += [
        str(path.relative_to(ROOT)) for path in sorted((ROOT / "deploy/docker").glob("*.yml"))
    ]
    options = ["--config", str(config), "--max-warnings", "0"]
    code, output = call(["npx", "--yes", _DCLINT, *options, *files])
    return [f"dclint:\n{output.strip()}"] if code else []


if __name__ == "__main__":
    sys.exit(main())
