"""Install, upgrade and removal: what comes before what, and what stays."""

import base64

from scripts.helm.manifests import render
from tests.chart.rendering import (
    Pod,
    kinds,
    objects,
    objects_with,
    pick,
    pods,
    read_all,
    values_of,
)


def hooks(name: str) -> dict[tuple[str, str], str]:
    return {
        (item["kind"], item["metadata"]["name"]): item["metadata"]["annotations"]["helm.sh/hook"]
        for item in objects(name)
        if "helm.sh/hook" in item["metadata"].get("annotations", {})
    }


def pod_of(name: str, component: str) -> Pod:
    (found,) = [pod for pod in pods(objects(name)) if pod.component == component]
    return found


def test_with_servers_of_yours_the_schema_comes_first() -> None:
    """By a hook, which needs nothing that Helm makes after it."""
    assert hooks("external-database")["Job", "taskplane-migrate"] == "pre-install,pre-upgrade"
    pod = pod_of("external-database", "migrate")
    (container,) = pod.containers
    assert "envFrom" not in container
    assert pod.spec["serviceAccountName"] == "taskplane-migrate"
    found = hooks("external-database")["ServiceAccount", "taskplane-migrate"]
    assert found == "pre-install,pre-upgrade"
    given = {each["name"]: each["value"] for each in container["env"]}
    config = pick(objects("external-database"), "ConfigMap", "taskplane-config")["data"]
    assert config.items() <= given.items()
    waiting = [pod for pod in pods(objects("external-database")) if "initContainers" in pod.spec]
    assert waiting == []


def test_a_hook_has_a_copy_of_the_charts_own_secrets() -> None:
    found = hooks("tls")
    assert found["Secret", "taskplane-migrate"] == found["Job", "taskplane-migrate"]
    weights = [
        int(
            pick(objects("tls"), kind, "taskplane-migrate")["metadata"]["annotations"][
                "helm.sh/hook-weight"
            ]
        )
        for kind in ("Secret", "Job")
    ]
    assert weights[0] < weights[1]
    copied = pick(objects("tls"), "Secret", "taskplane-migrate")["data"]
    assert copied == pick(objects("tls"), "Secret", "taskplane-secrets")["data"]
    assert base64.b64decode(copied["DATABASE_PASSWORD"]) == b"not-the-real-password-1"
    sources = pod_of("tls", "migrate").spec["volumes"][0]["projected"]["sources"]
    assert {source["secret"]["name"] for source in sources} == {"taskplane-migrate", "pg-ca"}
    # Without a secret of the chart's own there is nothing to copy.
    assert ("Secret", "taskplane-migrate") not in hooks("external-database")


def test_a_hook_reaches_the_database_of_its_own_release() -> None:
    """The policies of the release before may name another one, or are not there yet."""
    policy = pick(objects("tls"), "NetworkPolicy", "taskplane-migrate")
    annotations = policy["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert annotations["helm.sh/hook-weight"] == "-10"
    labels = pod_of("tls", "migrate").labels
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    open_ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
    assert open_ports == [53, 53, 5433]
    narrow = pick(objects("airgapped"), "NetworkPolicy", "taskplane-to-servers")["spec"]["egress"]
    items = objects_with("airgapped", "migrate.by=hook")
    (_, to_servers) = pick(items, "NetworkPolicy", "taskplane-migrate")["spec"]["egress"]
    assert to_servers == narrow[0]


def test_the_migration_may_reach_the_database_without_a_pooler() -> None:
    """Its variable takes the place of the file's. The API server refuses a name that is there
    twice."""
    direct = "migrate.extraEnv[0].name=DATABASE_URL,migrate.extraEnv[0].value=postgres://u@direct/t"
    for name in ("ha", "tls"):
        (found,) = [p for p in pods(objects_with(name, direct)) if p.component == "migrate"]
        names = [each["name"] for each in found.containers[0]["env"]]
        assert len(names) == len(set(names))
        assert "DATABASE_URL_FILE" not in names
        assert {"name": "DATABASE_URL", "value": "postgres://u@direct/t"} in found.containers[0][
            "env"
        ]


def test_the_log_of_a_failed_job_stays() -> None:
    """OnFailure deletes the pod at the limit; a time to live would have Argo CD make the Job
    again."""
    for name in ("minimal", "external-database"):
        jobs = kinds(objects(name), "Job")
        assert len(jobs) == 2
        for job in jobs:
            assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
            assert "ttlSecondsAfterFinished" not in job["spec"]


def test_with_a_postgres_in_the_cluster_pods_wait_for_the_schema() -> None:
    """It is not there before the install, so no hook can come before it; a hook after it would wait
    for pods that wait for the schema."""
    assert not [name for kind, name in hooks("minimal") if kind == "Job"]
    for pod in pods(objects("minimal")):
        names = [each["name"] for each in pod.spec.get("initContainers", [])]
        expected = {
            "migrate": ["wait-for-postgres"], "postgres": [], "redis": [], "test": [],
        }.get(pod.component, ["wait-for-schema"])  # fmt: skip
        assert names == expected, pod.name


def test_a_job_that_changes_has_another_name() -> None:
    """Jobs cannot be changed."""

    def names(*settings: str) -> set[str]:
        items = objects_with("minimal", "secrets.djangoSecretKey.value=" + "aB3" * 20, *settings)
        return {item["metadata"]["name"] for item in kinds(items, "Job")}

    assert names() == names("app.replicas=3")
    assert len(names() | names("image.tag=9.9.9")) == 4


def test_the_first_user_is_made_after_the_schema() -> None:
    assert hooks("external-database")["Job", "taskplane-bootstrap"] == "post-install"
    assert "bootstrap" not in {pod.component for pod in pods(objects("airgapped"))}


def test_what_a_database_may_outlive_stays() -> None:
    for name in ("taskplane-secrets", "taskplane-credentials"):
        kept = pick(objects("minimal"), "Secret", name)["metadata"]["annotations"]
        assert kept["helm.sh/resource-policy"] == "keep"


def test_generated_secrets_are_as_production_wants_them() -> None:
    """Another one in each rendering, since there is no cluster to ask for those that exist."""
    data = pick(objects("minimal"), "Secret", "taskplane-secrets")["data"]
    assert set(data) == {"DATABASE_PASSWORD", "DJANGO_SECRET_KEY", "REDIS_PASSWORD"}
    assert {len(base64.b64decode(value)) for value in data.values()} == {64}
    assert len(set(data.values())) == 3


def test_the_trial_can_do_without_a_volume() -> None:
    stateful = pick(objects("minimal"), "StatefulSet", "taskplane-postgres")
    assert stateful["spec"]["volumeClaimTemplates"]
    items = objects_with(
        "minimal", "postgres.trial.persistent=false", "postgres.trial.clusterIP=10.0.0.9"
    )
    spec = pick(items, "StatefulSet", "taskplane-postgres")["spec"]
    assert "volumeClaimTemplates" not in spec
    assert {"name": "data", "emptyDir": {}} in spec["template"]["spec"]["volumes"]
    assert pick(items, "Service", "taskplane-postgres")["spec"]["clusterIP"] == "10.0.0.9"


def test_what_an_old_cluster_lacks_can_be_left_out() -> None:
    items = objects_with(
        "minimal", "podDisruptionBudget.enabled=false", "networkPolicy.enabled=false"
    )
    assert not kinds(items, "PodDisruptionBudget")
    assert not kinds(items, "NetworkPolicy")


def test_names_of_digits_stay_texts() -> None:
    """A namespace and a release may be called by a number."""
    rendered = render(["--values", values_of("ha"), "--namespace", "1234"], release="5678")
    for item in read_all(rendered):
        assert item["metadata"]["namespace"] == "1234"
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == "5678"


def test_two_releases_in_one_namespace_share_nothing() -> None:
    """Neither a name nor a pod."""
    found = [list(read_all(render(["--values", values_of("ha")], release=r))) for r in ("a", "b")]
    names = [{(item["kind"], item["metadata"]["name"]) for item in items} for items in found]
    assert not names[0] & names[1]
    selector = pick(tuple(found[0]), "Service", "a-taskplane-app")["spec"]["selector"]
    assert not [pod for pod in pods(tuple(found[1])) if selector.items() <= pod.labels.items()]


def test_names_of_a_long_release_are_short_enough() -> None:
    longest = "worker-set-of-length"
    options = ["--values", values_of("ha"), "--set", f"workerSets.{longest}.queues={{x}}"]
    items = list(read_all(render(options, release="r" * 53)))
    assert max(len(item["metadata"]["name"]) for item in items) <= 63
    assert any(item["metadata"]["name"].endswith(longest) for item in items)
