"""What every pod of every set of values must have."""

import re
from typing import Any

import pytest

from scripts.helm.documents import OWN, SECRETS, settings
from scripts.helm.tools import ROOT
from tests.chart.rendering import (
    ENDS,
    SETS,
    Object,
    Pod,
    environment,
    kinds,
    objects,
    objects_with,
    pods,
)

PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
VARIABLES = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
# Not settings: the system's, those of the servers' images, of the chart's own scripts, and of users
OTHERS = {
    "ADMIN", "HOME", "IS_SECURE", "KEY", "PAYMENTS_TOKEN", "POD_IP", "POSTGRES_DB",
    "POSTGRES_PASSWORD", "POSTGRES_USER", "REPORTS_FOLDER", "SECRET_NAME", "SSL_CERT",
    "TASKPLANE_URL",
}  # fmt: skip
# The image's user, as its Dockerfile says it
USER = int(re.findall(r"^USER (\d+)", (ROOT / "docker/Dockerfile").read_text(), re.MULTILINE)[-1])
# By what calls the API server
WITH_TOKEN = {"autoscaler", "bootstrap"}
every_set = pytest.mark.parametrize("name", SETS)


def each_pod(name: str) -> list[Pod]:
    found = list(pods(objects(name)))
    assert len(found) >= 4
    return found


@every_set
def test_pods_are_confined(name: str) -> None:
    for pod in each_pod(name):
        security = pod.spec["securityContext"]
        user = USER if pod.is_ours else 999
        assert security["runAsNonRoot"]
        assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user,) * 3
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostname"} & pod.spec.keys()
        assert pod.spec["enableServiceLinks"] is False
        assert not [v for v in pod.spec["volumes"] if "hostPath" in v]
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }, pod.name


@every_set
def test_only_who_calls_the_api_server_has_a_token(name: str) -> None:
    accounts = kinds(objects(name), "ServiceAccount")
    assert all(each["automountServiceAccountToken"] is False for each in accounts)
    for pod in each_pod(name):
        has_token = pod.spec["automountServiceAccountToken"]
        own_account = pod.spec["serviceAccountName"] == f"taskplane-{pod.component}"
        assert has_token == (own_account and pod.component != "migrate")
        assert not has_token or pod.component in WITH_TOKEN


@every_set
def test_every_container_has_limits_and_what_it_needs(name: str) -> None:
    for pod in each_pod(name):
        for container in pod.containers:
            resources = container["resources"]
            assert {"cpu", "memory"} <= resources["requests"].keys(), pod.name
            assert "memory" in resources["limits"], pod.name
            assert container["imagePullPolicy"] == "IfNotPresent"
            assert re.search(r":[\w.]+$|@sha256:[0-9a-f]{64}$", container["image"])


@every_set
def test_every_container_that_stays_has_probes(name: str) -> None:
    """Patient for two minutes at the start, and such that a busy pod is not restarted."""
    for pod in each_pod(name):
        if pod.kind in ENDS:
            continue
        for container in pod.spec["containers"]:
            probes = {key: container[f"{key}Probe"] for key in ("startup", "liveness", "readiness")}
            start = probes["startup"]
            assert start["failureThreshold"] * start["periodSeconds"] >= 120, pod.name
            live = probes["liveness"]
            assert live.get("failureThreshold", 3) * live["periodSeconds"] >= 30
            for probe in probes.values():
                assert probe["timeoutSeconds"] >= 5
                check_probe(probe, container, environment(objects(name), container))


def check_probe(probe: Object, container: Object, variables: dict[str, Any]) -> None:
    if "exec" in probe:
        command = probe["exec"]["command"]
        assert command[0] != "python" or (ROOT / command[1]).exists()
        return
    ports = {port["name"] for port in container["ports"]}
    assert probe["httpGet"]["port"] in ports
    assert probe["httpGet"]["path"].startswith("/health")
    for header in probe["httpGet"].get("httpHeaders", []):
        assert header["value"] in variables["ALLOWED_HOSTS"].split(",")


@every_set
def test_every_variable_is_one_of_the_settings(name: str) -> None:
    for pod in each_pod(name):
        for container in pod.containers:
            variables = environment(objects(name), container)
            names = {variable.removesuffix("_FILE") for variable in variables}
            assert names - VARIABLES - OTHERS == set(), pod.name


def test_what_config_may_set_is_the_rest_of_the_settings() -> None:
    assert OWN | SECRETS | set(settings()) == VARIABLES
    assert not OWN & SECRETS


@every_set
def test_secrets_are_files_and_no_secret_is_in_a_config_map(name: str) -> None:
    files = {
        item["key"]: item["path"]
        for pod in each_pod(name)
        for volume in pod.spec["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        for item in source["secret"]["items"]
    }
    assert "DJANGO_SECRET_KEY" in files.values()
    for pod in each_pod(name):
        for container in pod.containers:
            variables = environment(objects(name), container)
            assert not (SECRETS - {"DATABASE_URL"}) & variables.keys(), pod.name
            assert not [
                v for v in variables.values() if isinstance(v, dict) and "fieldRef" not in v
            ]
            check_files(pod, container, variables)
            url = variables.get("DATABASE_URL", "")
            assert re.fullmatch(r"(postgres://[\w%.-]+@\S+)?", url), "no password"


def check_files(pod: Pod, container: Object, variables: dict[str, Any]) -> None:
    """Each file that a variable names is mounted."""
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
    for variable in {f"{secret}_FILE" for secret in SECRETS} & variables.keys():
        folder, _, file = variables[variable].rpartition("/")
        sources = volumes[mounts[folder]]["projected"]["sources"]
        assert file in {item["path"] for each in sources for item in each["secret"]["items"]}


@every_set
def test_values_of_secrets_are_in_secrets_only(name: str) -> None:
    """Those that the set gives."""
    kept = [
        value for item in kinds(objects(name), "Secret") for value in item.get("data", {}).values()
    ]
    assert bool(kept) == (name in {"minimal", "tls"})
    rest = [item for item in objects(name) if item["kind"] != "Secret"]
    for value in kept:
        assert value not in str(rest)
    for given in (
        "not-the-real-password-1",
        "not-the-real-password-2",
        "Xq4Zt7Lm2Vb9Wc5R",
        "Rd8Kq2Zt6L",
    ):
        assert given not in str(rest)


@every_set
def test_a_worker_is_given_more_time_than_it_takes(name: str) -> None:
    """SHUTDOWN_GRACE_SECONDS, then up to 3.5 s; the rest is for a slow node."""
    workers = [pod for pod in each_pod(name) if pod.component == "worker"]
    assert workers
    for pod in workers:
        variables = environment(objects(name), pod.spec["containers"][0])
        grace = int(variables["SHUTDOWN_GRACE_SECONDS"])
        assert pod.spec["terminationGracePeriodSeconds"] >= grace + 60
        assert variables["WORKER_EXIT_WHEN_DRAINED"] == "false"


@every_set
def test_the_app_leaves_its_service_before_it_ends(name: str) -> None:
    for pod in each_pod(name):
        if pod.component in {"app", "live"}:
            (container,) = pod.spec["containers"]
            command, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
            assert command == "sleep"
            assert pod.spec["terminationGracePeriodSeconds"] > int(seconds) + 4


@every_set
def test_pods_start_again_when_the_settings_change(name: str) -> None:
    for item in kinds(objects(name), "Deployment"):
        metadata = item["spec"]["template"]["metadata"]
        if metadata["labels"]["app.kubernetes.io/component"] != "redis":
            assert {"checksum/config", "checksum/secrets"} <= metadata["annotations"].keys()


@every_set
def test_commands_exist(name: str) -> None:
    for pod in each_pod(name):
        for container in pod.spec["containers"]:
            command = container.get("command", [])
            if command[:2] == ["python", "manage.py"] and command[2] != "migrate":
                places = ("*", "*/*")
                found = [
                    p for x in places for p in ROOT.glob(f"{x}/management/commands/{command[2]}.py")
                ]
                assert found, command


def test_placement_annotations_and_aliases_reach_the_pods() -> None:
    for pod in each_pod("ha"):
        assert pod.labels.get("example.com/cost-centre") == "42"
        assert pod.spec["priorityClassName"] == "services"
        assert pod.spec["imagePullSecrets"] == [{"name": "registry"}]
        if pod.kind == "Deployment":
            for each in pod.spec["topologySpreadConstraints"]:
                assert each["whenUnsatisfiable"] == "DoNotSchedule"
                assert each["labelSelector"]["matchLabels"].items() <= pod.labels.items()
    for pod in each_pod("airgapped"):
        assert [each["ip"] for each in pod.spec["hostAliases"]] == ["10.20.0.5", "10.20.0.6"]
        assert all("@sha256:" in container["image"] for container in pod.containers)


def test_the_servers_of_the_trial_are_placed_as_the_rest() -> None:
    items = objects_with(
        "minimal",
        "nodeSelector.pool=small,priorityClassName=low,image.pullSecrets={registry}",
        "podLabels.team=a,podAnnotations.note=b",
    )
    for pod in pods(items):
        assert pod.spec["nodeSelector"] == {"pool": "small"}, pod.name
        assert pod.spec["priorityClassName"] == "low"
        assert pod.spec["imagePullSecrets"] == [{"name": "registry"}]
        assert pod.labels["team"] == "a"


def test_a_variable_of_a_worker_set_replaces_that_of_all_pods() -> None:
    """The API server refuses a name that is there twice."""
    items = objects_with(
        "external-database",
        "extraEnv[0].name=REGION,extraEnv[0].value=all",
        "workers.extraEnv[0].name=REGION,workers.extraEnv[0].value=here",
    )
    for pod in pods(items):
        if pod.component in {"app", "worker"}:
            found = [e["value"] for e in pod.containers[0]["env"] if e["name"] == "REGION"]
            assert found == ["here" if pod.component == "worker" else "all"]
