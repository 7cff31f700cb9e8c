"""The manifests for Kubernetes fit the settings, the worker, the back-end, and one another."""

import re
from collections.abc import Iterator
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
COMMANDS = {"dispatcher": "dispatch", "worker": "worker", "autoscaler": "autoscale"}


def read(name: str) -> list[Any]:
    return list(yaml.safe_load_all((PLACE / name).read_text(encoding="utf-8")))


def find(kind: str, name: str) -> Any:
    for path in sorted(PLACE.glob("*.yaml")):
        for item in read(path.name):
            if (item["kind"], item.get("metadata", {}).get("name")) == (kind, name):
                return item
    raise AssertionError(f"There is no {kind} {name}")


def container(component: str) -> Any:
    item = read(f"{component}.yaml")[0]
    (found,) = item["spec"]["template"]["spec"]["containers"]
    return found


def config() -> dict[str, str]:
    return dict(find("ConfigMap", "taskplane-config")["data"])


def variables() -> Iterator[str]:
    yield from config()
    yield from find("Secret", "taskplane-secrets")["stringData"]


def test_every_variable_is_one_of_the_settings() -> None:
    names = set(variables())
    assert len(names) > 10
    assert names - VARIABLES == set()


def test_values_are_texts() -> None:
    assert [name for name, value in config().items() if not isinstance(value, str)] == []


def test_no_secret_is_kept() -> None:
    assert set(find("Secret", "taskplane-secrets")["stringData"].values()) == {""}
    assert not {"DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_PASSWORD"} & config().keys()


def test_what_is_applied_is_all_but_the_examples() -> None:
    applied = set(read("kustomization.yaml")[0]["resources"])
    there = {path.name for path in PLACE.glob("*.yaml")} - {"kustomization.yaml"}
    assert there - applied == {"keda.yaml", "hpa.yaml", "secret.example.yaml"}
    assert applied <= there


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_has_the_configuration(component: str) -> None:
    given = container(component)["envFrom"]
    assert given == [
        {"configMapRef": {"name": "taskplane-config"}},
        {"secretRef": {"name": "taskplane-secrets"}},
    ]
    images = {each["name"] for each in read("kustomization.yaml")[0]["images"]}
    assert container(component)["image"] in images


@pytest.mark.parametrize(("component", "command"), COMMANDS.items())
def test_commands_exist(component: str, command: str) -> None:
    assert container(component)["command"] == ["python", "manage.py", command]
    assert [*ROOT.glob(f"*/management/commands/{command}.py")]


@pytest.mark.parametrize("component", ["app", *COMMANDS])
def test_selectors_find_their_own_pods_only(component: str) -> None:
    item = find("Deployment", f"taskplane-{component}")
    labels = item["spec"]["template"]["metadata"]["labels"]
    assert item["spec"]["selector"]["matchLabels"] == labels
    assert f"app.kubernetes.io/component={component}" in write_selector(item["spec"]["selector"])


def test_the_worker_is_as_the_back_end_needs_it() -> None:
    worker = find("Deployment", config()["AUTO_SCALING_KUBERNETES_DEPLOYMENT"])
    pod = worker["spec"]["template"]["spec"]
    assert "replicas" not in worker["spec"], "each apply would set the number back"
    assert not {"hostname", "hostNetwork"} & pod.keys()
    assert config()["WORKER_EXIT_WHEN_DRAINED"] == "false"
    grace = int(config()["SHUTDOWN_GRACE_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] >= grace + 60


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
    account = read("autoscaler.yaml")[0]["spec"]["template"]["spec"]["serviceAccountName"]
    binding = find("RoleBinding", account)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account}]
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
