"""What is made from the chart's values: values.schema.json, values.yaml and README.md."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from scripts.helm.tools import ROOT
from scripts.helm.values import Values

CHART = ROOT / "deploy" / "helm" / "taskplane"
_CONFIGURATION = ROOT / "docs" / "configuration.md"
# Those that the chart sets itself, from other values.
OWN = {
    "ALLOWED_HOSTS", "AUTO_SCALING_BACKEND", "AUTO_SCALING_DOCKER_PROJECT",
    "AUTO_SCALING_DOCKER_SERVICE", "AUTO_SCALING_DOCKER_TEMPLATE",
    "AUTO_SCALING_KUBERNETES_DEPLOYMENT", "AUTO_SCALING_KUBERNETES_NAMESPACE",
    "APP_SERVICE_HOST", "APP_SERVICE_PORT", "CSRF_TRUSTED_ORIGINS", "DEBUG", "MAX_WORKERS",
    "MIN_WORKERS", "PYTHON", "REDIS_HOST", "REDIS_PORT", "SECURE_SSL", "SHUTDOWN_GRACE_SECONDS",
    "STATIC_ROOT", "TASKPLANE_COMPONENT", "TASKPLANE_DOTENV", "TASKPLANE_ENV", "TASKPLANE_HOME",
    "TASKPLANE_PATH_PREFIX", "TASKPLANE_SERVES", "TASKPLANE_SUPERVISED", "TASKPLANE_TEST_DATABASE",
    "TEST_DATABASE_URL", "TRUSTED_PROXIES", "WORKER_CONCURRENCY", "WORKER_EXIT_WHEN_DRAINED",
    "WORKER_NODE_ID", "WORKER_QUEUES", "WORKER_SERVICE_HOST", "WORKER_SERVICE_PORT",
}  # fmt: skip
# They would be readable in the ConfigMap: secrets, or an address with a password.
SECRETS = {
    "CELERY_BROKER_URL", "DATABASE_PASSWORD", "DATABASE_URL", "DJANGO_SECRET_KEY", "METRICS_TOKEN",
    "REDIS_PASSWORD",
}  # fmt: skip


def documents() -> dict[Path, str]:
    """Each file with the text that it should have."""
    return {
        CHART / "values.schema.json": json.dumps(schema(), indent=2) + "\n",
        CHART / "values.yaml": values(),
        CHART / "README.md": readme(),
    }


def settings() -> list[str]:
    """The variables of docs/configuration.md that `config` may set."""
    page = _CONFIGURATION.read_text(encoding="utf-8")
    return sorted(set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) - OWN - SECRETS)


def schema() -> dict[str, Any]:
    found = _without_titles(Values.model_json_schema(by_alias=True))
    properties = found["properties"]
    # Charts with this one as a part set it.
    properties["global"] = {"type": "object", "description": "Helm's own; not used."}
    any_text = {"type": ["string", "number", "boolean"]}
    properties["config"] |= {
        "properties": dict.fromkeys(settings(), any_text),
        "additionalProperties": False,
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", **found}


def _without_titles(node: Any) -> Any:
    """Titles repeat the names; the default of an object is in its parts."""
    if isinstance(node, list):
        return [_without_titles(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_titles(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and isinstance(value, dict))
    }


def values() -> str:
    lines = [
        "# Made by scripts/render-chart from scripts/helm/values.py: change it there.",
        "# A file of your own needs only what differs.",
    ]
    _write(Values(), lines, "")
    return "\n".join(lines) + "\n"


def _write(part: BaseModel, lines: list[str], indent: str) -> None:
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        lines += ["", *_comment(str(field.description), indent)]
        key = f"{indent}{field.alias or name}:"
        if isinstance(value, BaseModel):
            lines.append(key)
            _write(value, lines, indent + "  ")
        elif name == "worker_sets":
            lines += [key, f"{indent}  default: {{}}"]
        else:
            lines.append(f"{key} {_flow(value)}")


def _comment(text: str, indent: str) -> Iterator[str]:
    width = 98 - len(indent)
    line = ""
    for word in text.split():
        if line and len(line) + len(word) + 1 > width:
            yield f"{indent}# {line}"
            line = word
        else:
            line = f"{line} {word}".strip()
    yield f"{indent}# {line}"


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).split("\n...")[0].strip()


def readme() -> str:
    lines = [
        "# The chart of Taskplane",
        "",
        "Made by `scripts/render-chart`. How to install, scale, upgrade and remove it:",
        "[docs/kubernetes.md](../../../docs/kubernetes.md).",
        "",
        "```bash",
        "# To try it out: with a Postgres and a Valkey in the cluster",
        "helm install taskplane deploy/helm/taskplane -f deploy/helm/taskplane/ci/minimal.yaml",
        "```",
        "",
        "## Values",
        "",
        "A wrong value fails before anything is installed, with a sentence that names it. What",
        "Kubernetes describes itself (affinity, volumes …) is passed on as it is.",
    ]
    top = [(name, getattr(Values(), name)) for name in Values.model_fields]
    rows = [row for name, value in top if not isinstance(value, BaseModel)
            for row in _rows(Values, "", only=name)]  # fmt: skip
    lines += ["", "### General", "", *_table(rows)]
    for name, value in top:
        if isinstance(value, BaseModel):
            field = Values.model_fields[name]
            key = str(field.alias or name)
            lines += ["", f"### {key}", "", _cell(str(field.description)), ""]
            lines += _table(list(_rows(type(value), f"{key}.", instance=value)))
    return "\n".join(lines) + "\n"


def _rows(
    model: type[BaseModel], prefix: str, *, instance: BaseModel | None = None, only: str = ""
) -> Iterator[tuple[str, str, str, str]]:
    """Key, range, default and meaning of each value."""
    part = instance or model()
    definitions = model.model_json_schema(by_alias=True)
    for name, field in model.model_fields.items():
        if only and name != only:
            continue
        value = getattr(part, name)
        key = str(field.alias or name)
        if isinstance(value, BaseModel):
            yield from _rows(type(value), f"{prefix}{key}.", instance=value)
            continue
        described = definitions["properties"][key]
        default = "{default: {}}" if name == "worker_sets" else _flow(value)
        yield f"{prefix}{key}", _range(described, definitions), default, str(field.description)


def _range(node: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(f"`{each}`" for each in node["enum"])
    kind = node.get("type", "")
    if kind == "integer" and "maximum" in node:
        return f"{node['minimum']:,} to {node['maximum']:,}"
    if kind == "integer":
        return f"{node['minimum']:,} or more"
    if kind == "array":
        inner = node["items"]
        if "$ref" in inner:
            name = inner["$ref"].rsplit("/", 1)[-1]
            parts = ", ".join(definitions["$defs"][name]["properties"])
            return f"list of ({parts})"
        return f"list of {_plural(inner)}"
    return {"boolean": "true, false", "string": "text", "object": "map"}[kind]


def _plural(node: dict[str, Any]) -> str:
    kinds = {"string": "texts", "object": "objects", "integer": "numbers"}
    return kinds.get(node.get("type", ""), "objects or texts")


def _table(rows: list[tuple[str, str, str, str]]) -> list[str]:
    head = ["| value | range | default | meaning |", "| --- | --- | --- | --- |"]
    return head + [
        f"| `{key}` | {allowed} | `{_cell(default)}` | {_cell(meaning)} |"
        for key, allowed, default, meaning in rows
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
