"""What the chart renders, read once for each set of values."""

import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import yaml

from scripts.helm.documents import CHART
from scripts.helm.manifests import render

SETS = sorted(path.stem for path in (CHART / "ci").glob("*.yaml"))
WORKLOADS = {"Deployment", "StatefulSet", "Job", "Pod"}
ENDS = {"Job", "Pod"}

Object = dict[str, Any]


class Pod(NamedTuple):
    """A pod of a rendered object."""

    kind: str
    name: str
    labels: dict[str, str]
    spec: Object

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def is_ours(self) -> bool:
        """With the project's image, not that of a server."""
        return self.component not in {"postgres", "redis"}


@cache
def text(name: str) -> str:
    return render(["--values", values_of(name)])


def read_all(rendered: str) -> Iterator[Object]:
    """By the parser in C: the other one takes longer than Helm."""
    return yaml.load_all(rendered, Loader=yaml.CSafeLoader)


def values_of(name: str) -> str:
    return str(CHART / "ci" / f"{name}.yaml")


@cache
def objects(name: str) -> tuple[Object, ...]:
    return tuple(item for item in read_all(text(name)) if item)


@cache
def objects_with(name: str, *settings: str) -> tuple[Object, ...]:
    """The same with further settings, as `--set` takes them."""
    options = [option for each in settings for option in ("--set", each)]
    found = render(["--values", values_of(name), *options])
    return tuple(item for item in read_all(found) if item)


def pick(items: tuple[Object, ...], kind: str, name: str) -> Object:
    found = [i for i in items if (i["kind"], i["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def kinds(items: tuple[Object, ...], kind: str) -> list[Object]:
    return [item for item in items if item["kind"] == kind]


def pods(items: tuple[Object, ...]) -> Iterator[Pod]:
    for item in items:
        if item["kind"] not in WORKLOADS:
            continue
        template = item if item["kind"] == "Pod" else item["spec"]["template"]
        name = item["metadata"]["name"]
        yield Pod(item["kind"], name, template["metadata"]["labels"], template["spec"])


def environment(items: tuple[Object, ...], container: Object) -> dict[str, Any]:
    """The variables of a container by name, those of its ConfigMap included."""
    found: dict[str, Any] = {}
    for source in container.get("envFrom", []):
        found |= pick(items, "ConfigMap", source["configMapRef"]["name"])["data"]
    for each in container.get("env", []):
        found[each["name"]] = each.get("value", each.get("valueFrom"))
    return found


def failure(*options: str, base: str = "external-database") -> str:
    """What Helm reports of values that it must refuse, in one line."""
    try:
        render(["--values", values_of(base), *options])
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if "symbolic link" not in line]
        return " ".join(" ".join(lines).split())
    return "nothing: it renders"
