"""Who sets the number of workers, and what may do what."""

from typing import Any

import pytest

from tests.chart.rendering import (
    SETS,
    Object,
    environment,
    kinds,
    objects,
    objects_with,
    pick,
    pods,
)

every_set = pytest.mark.parametrize("name", SETS)


def worker_deployments(items: tuple[Object, ...]) -> dict[str, Object]:
    return {
        item["metadata"]["labels"]["taskplane/worker-set"]: item
        for item in kinds(items, "Deployment")
        if "taskplane/worker-set" in item["metadata"]["labels"]
    }


def variables(items: tuple[Object, ...], component: str) -> dict[str, Any]:
    (pod,) = [pod for pod in pods(items) if pod.name == f"taskplane-{component}"]
    return environment(items, pod.spec["containers"][0])


@every_set
def test_only_a_fixed_number_is_in_the_deployment(name: str) -> None:
    """Any other is that of who scales it: each upgrade would set it back."""
    scaled = {
        item["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for item in kinds(objects(name), kind)
    }
    config = pick(objects(name), "ConfigMap", "taskplane-config")["data"]
    if config["AUTO_SCALING_BACKEND"] == "kubernetes":
        own = config["AUTO_SCALING_KUBERNETES_DEPLOYMENT"]
        assert own not in scaled, "one of the two only"
        scaled.add(own)
    for item in worker_deployments(objects(name)).values():
        assert ("replicas" in item["spec"]) == (item["metadata"]["name"] not in scaled)


def test_the_autoscalers_role_names_its_deployment_only() -> None:
    items = objects("ha")
    (role,) = [r for r in kinds(items, "Role") if r["metadata"]["name"] == "taskplane-autoscaler"]
    named = {name for rule in role["rules"] for name in rule.get("resourceNames", [])}
    config = pick(items, "ConfigMap", "taskplane-config")["data"]
    assert named == {config["AUTO_SCALING_KUBERNETES_DEPLOYMENT"]} == {"taskplane-worker"}
    assert "*" not in str(role["rules"])
    assert {resource for rule in role["rules"] for resource in rule["resources"]} == {
        "deployments", "deployments/scale", "replicasets", "pods", "horizontalpodautoscalers",
    }  # fmt: skip
    for rule in role["rules"]:
        if set(rule["resources"]) & {"deployments", "deployments/scale"}:
            assert rule["resourceNames"]


def test_the_bootstraps_role_names_its_secret_only() -> None:
    role = pick(objects("minimal"), "Role", "taskplane-bootstrap")
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["taskplane-credentials"],
            "verbs": ["patch"],
        }
    ]
    assert pick(objects("minimal"), "Secret", "taskplane-credentials").get("data") is None


@every_set
def test_roles_are_bound_to_accounts_of_the_chart(name: str) -> None:
    accounts = {item["metadata"]["name"] for item in kinds(objects(name), "ServiceAccount")}
    roles = {item["metadata"]["name"] for item in kinds(objects(name), "Role")}
    bound = kinds(objects(name), "RoleBinding")
    assert {item["roleRef"]["name"] for item in bound} == roles
    for item in bound:
        (subject,) = item["subjects"]
        assert subject["name"] in accounts
        assert subject["namespace"] == "taskplane"


def test_the_autoscaler_and_the_app_know_the_set_that_is_scaled() -> None:
    items = objects("ha")
    for component in ("autoscaler", "app"):
        found = variables(items, component)
        assert found["WORKER_QUEUES"] == "default,mails"
        assert (found["MIN_WORKERS"], found["MAX_WORKERS"]) == ("2", "40")
        assert found["AUTO_SCALING_BACKEND"] == "kubernetes"
    assert variables(items, "worker-reports")["WORKER_QUEUES"] == "reports"
    assert variables(items, "worker-reports")["WORKER_CONCURRENCY"] == "2"


def test_a_set_has_what_all_have_and_what_it_says_itself() -> None:
    found = worker_deployments(objects("ha"))
    assert set(found) == {"default", "reports", "thumbnails"}
    (container,) = found["reports"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"memory": "4Gi"}
    assert container["resources"]["requests"] == {"cpu": "500m", "memory": "512Mi"}
    assert found["reports"]["spec"]["template"]["spec"]["nodeSelector"] == {
        "example.com/pool": "large"
    }
    assert "nodeSelector" not in found["default"]["spec"]["template"]["spec"]


def test_the_set_of_the_chart_can_be_left_out() -> None:
    items = objects_with(
        "external-database", "workerSets.default=null", "workerSets.mail.queues={mail}"
    )
    assert set(worker_deployments(items)) == {"mail"}
    assert variables(items, "app")["WORKER_QUEUES"] == "mail"


def test_keda_follows_the_number_or_triggers_of_its_own() -> None:
    items = objects("keda")
    ours = pick(items, "ScaledObject", "taskplane-worker")["spec"]
    (trigger,) = ours["triggers"]
    assert trigger["metadata"]["url"] == "https://taskplane.example.com/auto-scaling/metric"
    assert trigger["metricType"] == "AverageValue"
    secret = pick(items, "TriggerAuthentication", trigger["authenticationRef"]["name"])["spec"]
    assert secret["secretTargetRef"][0]["name"] == "taskplane-metric-key"
    assert (ours["minReplicaCount"], ours["maxReplicaCount"]) == (0, 10)
    theirs = pick(items, "ScaledObject", "taskplane-worker-nightly")["spec"]
    assert [each["type"] for each in theirs["triggers"]] == ["cron"]
    assert variables(items, "app")["AUTO_SCALING_BACKEND"] == "advisory"


def test_an_hpa_follows_the_number_or_metrics_of_its_own() -> None:
    items = objects_with("external-database", "workerSets.default.scaledBy=hpa")
    spec = pick(items, "HorizontalPodAutoscaler", "taskplane-worker")["spec"]
    assert spec["metrics"][0]["external"]["metric"]["name"] == "taskplane_workers_target"
    own = pick(objects("ha"), "HorizontalPodAutoscaler", "taskplane-worker-thumbnails")["spec"]
    assert [each["type"] for each in own["metrics"]] == ["Resource"]
    assert (own["minReplicas"], own["maxReplicas"]) == (1, 20)


def test_without_a_set_of_its_own_the_autoscaler_has_no_permission() -> None:
    items = objects("external-database")
    assert not [r for r in kinds(items, "Role") if r["metadata"]["name"].endswith("autoscaler")]
    assert variables(items, "autoscaler")["AUTO_SCALING_BACKEND"] == "advisory"
