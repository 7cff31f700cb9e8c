"""What every set of values must render: schemas, names, labels; objects fit one another."""

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from scripts.helm.tools import ROOT
from tests.chart.rendering import SETS, Object, kinds, objects, pick, pods

# Kinds that projects beside Kubernetes define; scripts/lint-deploy checks all others.
SCHEMAS = {
    path.stem: json.loads(path.read_text())
    for path in (ROOT / "tests" / "chart" / "schemas").glob("*.json")
}
COMPONENT = "app.kubernetes.io/component"
LABELS = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}
EXTRA = {"internal-authorities", "taskplane-note"}  # of extraObjects, as their author wrote them
every_set = pytest.mark.parametrize("name", SETS)


def ours(name: str) -> list[Object]:
    return [item for item in objects(name) if item["metadata"]["name"] not in EXTRA]


@every_set
def test_each_object_has_its_namespace_and_labels(name: str) -> None:
    missing = [
        (item["kind"], item["metadata"]["name"])
        for item in ours(name)
        if item["metadata"].get("namespace") != "taskplane"
        or not item["metadata"]["labels"].keys() >= LABELS
    ]
    assert missing == []


@every_set
def test_names_are_unique_short_and_those_of_the_release(name: str) -> None:
    """Two releases in one namespace share no name."""
    seen = [(item["kind"], item["metadata"]["name"]) for item in objects(name)]
    assert len(seen) == len(set(seen))
    assert [each for each in seen if len(each[1]) > 63 or not each[1].startswith("taskplane")] == [
        ("ConfigMap", "internal-authorities")
    ] * (name == "airgapped")


@every_set
def test_kinds_of_other_projects_fit_their_schemas(name: str) -> None:
    """Those without a schema here are Kubernetes' own, which scripts/lint-deploy checks."""
    for item in objects(name):
        group, _, _ = item["apiVersion"].rpartition("/")
        schema = SCHEMAS.get(f"{item['kind']}.{group}")
        if schema:
            problems = [error.message for error in Draft202012Validator(schema).iter_errors(item)]
            assert problems == [], (item["kind"], item["metadata"]["name"])
        else:
            assert "." not in group or group.endswith((".k8s.io",)), item["kind"]
            assert not group.startswith("gateway."), item["kind"]


def test_every_stored_schema_is_used() -> None:
    rendered = {
        f"{item['kind']}.{item['apiVersion'].rpartition('/')[0]}"
        for name in SETS
        for item in objects(name)
    }
    assert set(SCHEMAS) <= rendered


@every_set
def test_selectors_find_their_own_pods_only(name: str) -> None:
    """Those of workloads, Services and budgets."""
    all_pods = list(pods(objects(name)))
    for item in kinds(objects(name), "Deployment") + kinds(objects(name), "StatefulSet"):
        found = [pod.name for pod in all_pods if selects(item["spec"]["selector"], pod.labels)]
        assert found == [item["metadata"]["name"]]
    for item in kinds(objects(name), "PodDisruptionBudget"):
        found = [pod.name for pod in all_pods if selects(item["spec"]["selector"], pod.labels)]
        assert found == [item["metadata"]["name"]]
    for item in kinds(objects(name), "Service"):
        selector = {"matchLabels": item["spec"]["selector"]}
        found_pods = [pod for pod in all_pods if selects(selector, pod.labels)]
        assert {pod.component for pod in found_pods} == {item["spec"]["selector"][COMPONENT]}
        ports = {port["name"] for pod in found_pods for port in pod.spec["containers"][0]["ports"]}
        assert {port["targetPort"] for port in item["spec"]["ports"]} <= ports


def selects(selector: Object, labels: dict[str, str]) -> bool:
    for each in selector.get("matchExpressions", []):
        if (labels.get(each["key"]) in each["values"]) != (each["operator"] == "In"):
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


@every_set
def test_what_is_named_is_there(name: str) -> None:
    """Accounts, and ConfigMaps and Secrets of the chart itself."""
    there = {(item["kind"], item["metadata"]["name"]) for item in objects(name)}
    accounts = {pod.spec["serviceAccountName"] for pod in pods(objects(name))}
    assert {("ServiceAccount", account) for account in accounts} <= there
    foreign = {"taskplane-secrets"} if ("Secret", "taskplane-secrets") not in there else set()
    for pod in pods(objects(name)):
        for volume in pod.spec.get("volumes", []):
            for kind, wanted in references(volume):
                if wanted.startswith("taskplane-") and wanted not in foreign:
                    assert (kind, wanted) in there, pod.name


def references(volume: Object) -> list[tuple[str, str]]:
    found = []
    if "configMap" in volume:
        found.append(("ConfigMap", volume["configMap"]["name"]))
    if "secret" in volume:
        found.append(("Secret", volume["secret"]["secretName"]))
    sources = volume.get("projected", {}).get("sources", [])
    return found + [("Secret", source["secret"]["name"]) for source in sources]


@every_set
def test_ways_in_lead_to_services(name: str) -> None:
    """Sockets to the process that serves them, if there is one."""
    ways = {"Ingress": ingress_paths, "HTTPRoute": route_paths}
    for kind, read in ways.items():
        for item in kinds(objects(name), kind):
            paths = read(item)
            for _, service, port in paths:
                spec = pick(objects(name), "Service", service)["spec"]
                assert port in {each["port"] for each in spec["ports"]}
            if ("Service", "taskplane-live") in seen(name):
                assert ("live", True) in {
                    (service.removeprefix("taskplane-"), path.endswith("/ws/"))
                    for path, service, _ in paths
                }


def seen(name: str) -> set[tuple[str, str]]:
    return {(item["kind"], item["metadata"]["name"]) for item in objects(name)}


def ingress_paths(item: Object) -> list[tuple[str, str, int]]:
    return [
        (
            path["path"],
            path["backend"]["service"]["name"],
            path["backend"]["service"]["port"]["number"],
        )
        for rule in item["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]


def route_paths(item: Object) -> list[tuple[str, str, int]]:
    return [
        (match["path"]["value"], backend["name"], backend["port"])
        for rule in item["spec"]["rules"]
        for match in rule["matches"]
        for backend in rule["backendRefs"]
    ]


@every_set
def test_a_monitor_finds_a_service_with_its_port(name: str) -> None:
    for item in kinds(objects(name), "ServiceMonitor"):
        services = [
            service
            for service in kinds(objects(name), "Service")
            if selects(item["spec"]["selector"], service["metadata"]["labels"])
        ]
        assert len(services) == 1
        ports = {port["name"] for port in services[0]["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in item["spec"]["endpoints"]} <= ports


@every_set
def test_a_policy_names_ports_that_its_pods_have(name: str) -> None:
    policies = kinds(objects(name), "NetworkPolicy")
    (everything,) = [each for each in policies if each["metadata"]["name"].endswith("-all")]
    all_pods = list(pods(objects(name)))
    assert all(selects(everything["spec"]["podSelector"], pod.labels) for pod in all_pods)
    assert everything["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everything["spec"]
    for policy in policies:
        found = [pod for pod in all_pods if selects(policy["spec"]["podSelector"], pod.labels)]
        assert found or policy["metadata"]["name"].endswith("-test")
        named = {
            port["name"] for pod in found for c in pod.containers for port in c.get("ports", [])
        }
        for rule in policy["spec"].get("ingress", []):
            assert {port["port"] for port in rule["ports"]} <= named


def test_the_alerts_are_those_that_are_tested() -> None:
    """One file, which promtool tests; its jobs are those of the monitors."""
    rules: Any = pick(objects("ha"), "PrometheusRule", "taskplane-alerts")["spec"]
    source = ROOT / "docker" / "prometheus" / "rules.yml"
    assert rules == yaml.safe_load(source.read_text())
    asked = set(re.findall(r'job="([^"]+)"', source.read_text()))
    endpoints = [
        endpoint
        for item in kinds(objects("ha"), "ServiceMonitor")
        for endpoint in item["spec"]["endpoints"]
    ]
    given = {
        each["replacement"]
        for endpoint in endpoints
        for each in endpoint["relabelings"]
        if each["targetLabel"] == "job"
    }
    assert asked <= given
