"""The plain manifests for Kubernetes fit the settings, the worker, the back-end, and one another.

They are made from the chart; tests/chart shows that they are up to date.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaling.fleet.kubernetes_pods import write_selector

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "deploy" / "kubernetes"
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
VARIABLES = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
COMPONENTS = ("app", "dispatcher", "worker", "autoscaler", "migrate")
COMMANDS = {"app": "serve", "dispatcher": "dispatch", "worker": "worker", "autoscaler": "autoscale"}
SECRETS = {"DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_PASSWORD"}
# Its values, and what a person fills in or leaves out
NOT_OBJECTS = {"kustomization.yaml", "values.yaml"}
EXAMPLES = {"keda.yaml", "hpa.yaml", "secret.example.yaml"}


@cache
def read(name: str) -> list[Any]:
    text = (PLACE / name).read_text(encoding="utf-8")
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def find(kind: str, name: str) -> Any:
    for path in sorted(PLACE.glob("*.yaml")):
        for item in read(path.name):
            if (item.get("kind"), item.get("metadata", {}).get("name")) == (kind, name):
                return item
    raise AssertionError(f"There is no {kind} {name}")


def pod(component: str) -> Any:
    kind = "Job" if component == "migrate" else "Deployment"
    return find(kind, f"taskplane-{component}")["spec"]["template"]["spec"]


def container(component: str) -> Any:
    (found,) = pod(component)["containers"]
    return found


def config() -> dict[str, str]:
    return dict(find("ConfigMap", "taskplane-config")["data"])


def variables() -> Iterator[str]:
    yield from config()
    yield from find("Secret", "taskplane-secrets")["stringData"]
    for component in COMPONENTS:
        yield from (each["name"] for each in container(component)["env"])


def test_every_variable_is_one_of_the_settings() -> None:
    names = {name.removesuffix("_FILE") for name in variables()}
    assert len(names) > 10
    assert names - VARIABLES == {"HOME", "POD_IP"}


def test_values_are_texts() -> None:
    assert [name for name, value in config().items() if not isinstance(value, str)] == []


def test_no_secret_is_kept() -> None:
    assert set(find("Secret", "taskplane-secrets")["stringData"].values()) == {""}
    assert not SECRETS & config().keys()


def test_what_is_applied_is_all_but_the_examples() -> None:
    applied = set(read("kustomization.yaml")[0]["resources"])
    there = {path.name for path in PLACE.glob("*.yaml")} - NOT_OBJECTS
    assert there - applied == EXAMPLES
    assert applied <= there


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_has_the_configuration(component: str) -> None:
    """The settings, and the secrets as files: by name, as the settings read them."""
    found = container(component)
    given = {each["name"]: each.get("value") for each in found["env"]}
    if component == "migrate":
        assert config().items() - given.items() == set()
    else:
        assert found["envFrom"] == [{"configMapRef": {"name": "taskplane-config"}}]
    (mount,) = [each for each in found["volumeMounts"] if each["name"] == "secrets"]
    for name in SECRETS:
        assert config()[f"{name}_FILE"] == f"{mount['mountPath']}/{name}"
    (volume,) = [each for each in pod(component)["volumes"] if each["name"] == "secrets"]
    sources = [source["secret"] for source in volume["projected"]["sources"]]
    assert {source["name"] for source in sources} == {"taskplane-secrets"}
    assert {item["path"] for source in sources for item in source["items"]} == SECRETS
    images = {each["name"] for each in read("kustomization.yaml")[0]["images"]}
    assert found["image"].partition(":")[0] in images


@pytest.mark.parametrize(("component", "command"), COMMANDS.items())
def test_commands_exist(component: str, command: str) -> None:
    assert container(component)["command"][:3] == ["python", "manage.py", command]
    folders = ("*", "*/*")
    assert [
        path for each in folders for path in ROOT.glob(f"{each}/management/commands/{command}.py")
    ]


@pytest.mark.parametrize("component", COMMANDS)
def test_selectors_find_their_own_pods_only(component: str) -> None:
    item = find("Deployment", f"taskplane-{component}")
    labels = item["spec"]["template"]["metadata"]["labels"]
    assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert f"app.kubernetes.io/component={component}" in write_selector(item["spec"]["selector"])


def test_the_worker_is_as_the_back_end_needs_it() -> None:
    worker = find("Deployment", config()["AUTO_SCALING_KUBERNETES_DEPLOYMENT"])
    spec = worker["spec"]["template"]["spec"]
    assert "replicas" not in worker["spec"], "each apply would set the number back"
    assert not {"hostname", "hostNetwork"} & spec.keys()
    assert config()["WORKER_EXIT_WHEN_DRAINED"] == "false"
    given = {each["name"]: each.get("value") for each in container("worker")["env"]}
    assert spec["terminationGracePeriodSeconds"] >= int(given["SHUTDOWN_GRACE_SECONDS"]) + 60


@pytest.mark.parametrize("kind", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_probes_ask_what_is_served(kind: str) -> None:
    worker, app = container("worker")[kind]["httpGet"], container("app")[kind]["httpGet"]
    assert [port["containerPort"] for port in container("worker")["ports"]] == [3003]
    assert worker["path"] in {"/health", "/health/ready"}
    assert app["path"] in {"/health/live", "/health/ready"}
    # The app answers to the names of ALLOWED_HOSTS only, and a probe comes by address.
    (host,) = [h["value"] for h in app["httpHeaders"] if h["name"] == "Host"]
    assert host in config()["ALLOWED_HOSTS"].split(",")


def test_the_autoscaler_may_what_it_does() -> None:
    """What the tests of the back-end see it ask for, by the verbs of the API."""
    account = pod("autoscaler")["serviceAccountName"]
    binding = find("RoleBinding", account)
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account, "namespace": "taskplane"}
    ]
    rules = find("Role", binding["roleRef"]["name"])["rules"]
    allowed = {
        (verb, resource)
        for rule in rules
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    assert allowed >= {
        ("get", "deployments"),
        ("get", "deployments/scale"),
        ("update", "deployments/scale"),
        ("list", "replicasets"),
        ("list", "pods"),
        ("patch", "pods"),
        ("delete", "pods"),
        ("list", "horizontalpodautoscalers"),
    }
    assert "*" not in str(rules)
    named = {name for rule in rules for name in rule.get("resourceNames", [])}
    assert named == {config()["AUTO_SCALING_KUBERNETES_DEPLOYMENT"]}


def test_who_follows_the_metric_sets_what_it_says() -> None:
    """Within the same limits, and without a damping of its own."""
    limits = (int(config()["MIN_WORKERS"]), int(config()["MAX_WORKERS"]))
    scaled = find("ScaledObject", "taskplane-worker")["spec"]
    (trigger,) = scaled["triggers"]
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == limits
    # With Value an HPA multiplies by the replicas that there are.
    assert trigger["metricType"] == "AverageValue"
    assert trigger["metadata"]["url"].endswith("/auto-scaling/metric")
    assert (trigger["metadata"]["valueLocation"], trigger["metadata"]["targetValue"]) == (
        "value",
        "1",
    )
    hpa = find("HorizontalPodAutoscaler", "taskplane-worker")["spec"]
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == limits
    (metric,) = hpa["metrics"]
    name = metric["external"]["metric"]["name"]
    assert f"`{name}`" in (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    keda = scaled["advanced"]["horizontalPodAutoscalerConfig"]
    for behavior in (hpa["behavior"], keda["behavior"]):
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 0
