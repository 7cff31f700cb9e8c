"""Every value of the chart, declared once: name, type, bounds, default and meaning.

scripts/render-chart makes values.yaml, values.schema.json and README.md of these. Rules between
values (this one needs that one) are in the chart: templates/_validate.tpl.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Size = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?([KMGTP]i?)?$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
OptionalName = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$")]
Count = Annotated[int, Field(ge=0, le=1000)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=0, le=86_400)]
# What Kubernetes describes itself, and what its API server checks.
Passed = dict[str, Any]
Texts = dict[str, str]


class Value(BaseModel):
    """One level of values.yaml. An unknown name is refused."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=to_camel,
        use_attribute_docstrings=True,
        populate_by_name=True,
    )


class Image(Value):
    repository: Annotated[str, Field(pattern=r"^\S*$")] = ""
    """Registry and name, without tag."""
    tag: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*$")] = ""
    """Tag; empty: the version of the application that the chart names."""
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest, such as sha256:…; it wins over the tag."""


class MainImage(Image):
    repository: Annotated[str, Field(pattern=r"^\S+$")] = "taskplane"
    """Registry and name, without tag."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the kubelet asks the registry."""
    pull_secrets: list[Name] = []
    """Names of Secrets with access to the registry, in the namespace of the release."""


class KeyOf(Value):
    name: OptionalName = ""
    """Name of a Secret in the namespace of the release; empty: none."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """Key in that Secret."""


class Secret(Value):
    value: str = ""
    """The secret itself. It is stored in the release, so a Secret of your own is better."""
    existing_secret: OptionalName = ""
    """Name of a Secret of yours; the chart then keeps no copy."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    """Key in that Secret."""


class Secrets(Value):
    generate: bool = True
    """Make what is missing and needed, once, and keep it at upgrades. Set it to false where
    manifests are rendered without a cluster (`helm template`, Argo CD): there each rendering would
    make others."""
    django_secret_key: Secret = Secret(key="DJANGO_SECRET_KEY")
    """Signs sessions: 50 random characters or more."""
    database_password: Secret = Secret(key="DATABASE_PASSWORD")
    """Password for Postgres."""
    database_url: Secret = Secret(key="DATABASE_URL")
    """The whole address of Postgres, for operators that keep it in a Secret. It replaces host,
    port, database, user and sslmode of `postgres`, and databasePassword."""
    redis_password: Secret = Secret(key="REDIS_PASSWORD")
    """Password for Redis."""
    metrics_token: Secret = Secret(key="METRICS_TOKEN")
    """Bearer token that may read /metrics and nothing else: 32 random characters or more."""


class Resources(Value):
    requests: dict[str, str | int | float] = {}
    """What the scheduler reserves; cpu in cores, memory in bytes."""
    limits: dict[str, str | int | float] = {}
    """The most that a container may use; cpu in cores, memory in bytes."""


def _resources(cpu: str, memory: str, limit: str) -> Resources:
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": limit})


class Trial(Value):
    image: Annotated[str, Field(pattern=r"^\S+$")]
    """Image, with its tag or digest."""
    user_id: Annotated[int, Field(ge=1)] = 999
    """Number of the user in that image."""
    resources: Resources
    """CPU and memory."""
    cluster_ip: str = Field("", alias="clusterIP")
    """Address of its Service; empty: one is chosen."""


class PostgresTrial(Trial):
    image: Annotated[str, Field(pattern=r"^\S+$")] = "postgres:18"
    """Image, with its tag or digest."""
    resources: Resources = _resources("100m", "256Mi", "512Mi")
    """CPU and memory."""
    storage: Size = "1Gi"
    """Size of its volume, which stays when the release is removed; 0: the data is gone with the
    pod."""
    storage_class: OptionalName = ""
    """Storage class of the volume; empty: the cluster's default."""


class RedisTrial(Trial):
    image: Annotated[str, Field(pattern=r"^\S+$")] = "valkey/valkey:9"
    """Image, with its tag or digest."""
    resources: Resources = _resources("50m", "64Mi", "384Mi")
    """CPU and memory."""


class Postgres(Value):
    enabled: bool = False
    """NOT FOR PRODUCTION: run one Postgres in the cluster, to try Taskplane out. No backup, no
    replica, no TLS."""
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]*$")] = ""
    """Host of your Postgres 15 or later."""
    port: Port = 5432
    """Its port."""
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = "taskplane"
    """Name of the database, which must exist."""
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]+$")] = "taskplane"
    """User, who must own the database or be allowed to make tables in it."""
    sslmode: Literal["disable", "require", "verify-ca", "verify-full"] = "require"
    """What libpq checks of the server's certificate. The last two need caSecret."""
    ca_secret: KeyOf = KeyOf(key="ca.crt")
    """The authority that signed the server's certificate."""
    trial: PostgresTrial = PostgresTrial()
    """The Postgres of `enabled`."""


class Redis(Value):
    enabled: bool = False
    """NOT FOR PRODUCTION: run one Valkey in the cluster, to try Taskplane out."""
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]*$")] = ""
    """Host of your Redis 7 or Valkey 8, or later."""
    port: Port = 6379
    """Its port."""
    trial: RedisTrial = RedisTrial()
    """The Valkey of `enabled`."""


class Service(Value):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Type of the Service."""
    port: Port = 3002
    """Port of the Service."""
    annotations: Texts = {}
    """Annotations of the Service."""
    cluster_ip: str = Field("", alias="clusterIP")
    """Its address; empty: one is chosen."""


class App(Value):
    replicas: Count = 2
    """Pods that serve the API and the pages."""
    resources: Resources = _resources("250m", "256Mi", "768Mi")
    """CPU and memory of a pod."""
    pre_stop_seconds: Annotated[int, Field(ge=0, le=120)] = 5
    """Seconds for which a pod that ends still serves, until no proxy sends it requests."""
    termination_grace_period_seconds: Annotated[int, Field(ge=10, le=86_400)] = 30
    """Seconds until a pod that ends is killed: preStopSeconds, 4 for requests, and the longest
    export that shall end by itself."""
    service: Service = Service()
    """The Service in front of the pods."""


class Live(Value):
    enabled: bool = False
    """Serve WebSockets from pods of their own, below /ws/. Needs an Ingress or HTTPRoute: a Service
    alone cannot choose by path."""
    replicas: Count = 2
    """Pods that serve WebSockets."""
    resources: Resources = _resources("100m", "256Mi", "512Mi")
    """CPU and memory of a pod."""


class Dispatcher(Value):
    replicas: Count = 2
    """Pods; one leads, another takes over."""
    resources: Resources = _resources("100m", "128Mi", "256Mi")
    """CPU and memory of a pod."""


class Placement(Value):
    node_selector: Texts = {}
    """Labels that a node must have."""
    tolerations: list[Passed] = []
    """Taints of nodes that are accepted."""
    affinity: Passed = {}
    """Affinity, as Kubernetes describes it."""
    priority_class_name: OptionalName = ""
    """Priority class of the pods."""


class WorkerSet(Placement):
    queues: Annotated[list[Annotated[str, Field(pattern=r"^[^,\s]+$")]], Field(min_length=1)] = [
        "*"
    ]
    """Queues that these workers serve; * means all present and future ones."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 5
    """Slots of a worker, each a process."""
    longest_task_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    """Seconds that the longest task of these queues may take. A worker that ends waits as long for
    what runs, and hands back the rest; a minute later it is killed."""
    scaled_by: Literal["fixed", "autoscaler", "hpa", "keda"] = "fixed"
    """Who sets the number of workers: `replicas`; Taskplane's autoscaler, which drains workers
    before it removes them; a HorizontalPodAutoscaler; KEDA."""
    replicas: Count = 2
    """Workers, with scaledBy fixed."""
    minimum: Count = 1
    """The fewest workers, with any other scaledBy."""
    maximum: Annotated[int, Field(ge=1, le=1000)] = 10
    """The most workers, with any other scaledBy."""
    metrics: list[Passed] = []
    """With scaledBy hpa: metrics instead of the number that Taskplane publishes."""
    triggers: list[Passed] = []
    """With scaledBy keda: triggers instead of the number that Taskplane publishes."""
    resources: Resources = _resources("500m", "512Mi", "2Gi")
    """CPU and memory of a worker: 200 MiB for five slots, and what your handlers need."""
    extra_env: list[Passed] = []
    """Variables for these workers only, as Kubernetes describes `env`."""


class Autoscaler(Value):
    enabled: bool = True
    """Run the autoscaler. Where no worker set is scaled by it, it decides and explains only."""
    replicas: Count = 1
    """Pods; one leads, another takes over."""
    resources: Resources = _resources("100m", "128Mi", "512Mi")
    """CPU and memory of a pod."""
    image: Image = Image()
    """Image with the client of Kubernetes (scripts/docker-build.sh --extras kubernetes), if `image`
    is without it."""


class Keda(Value):
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Address of the metric; empty: /auto-scaling/metric of the first of `hosts`."""
    key_secret: KeyOf = KeyOf(name="taskplane-metric-key", key="token")
    """API key of the role viewer with the scope auto-scaling:read."""
    polling_interval: Annotated[int, Field(ge=1, le=3_600)] = 10
    """Seconds between two looks at the metric."""
    cooldown_period: Seconds = 300
    """Seconds for which the metric must be 0 before the last worker goes, with minimum 0."""


class Migrate(Value):
    by: Literal["hook", "job", "none"] = "hook"
    """hook: before an install or upgrade, by Helm; job: beside it, and pods wait for it; none: you
    run it. With postgres.enabled it is always job, as there is no database before the install."""
    backoff_limit: Count = 6
    """Failures after which it is given up."""
    active_deadline_seconds: Annotated[int, Field(ge=30, le=86_400)] = 3600
    """Seconds after which it is given up."""
    resources: Resources = _resources("100m", "256Mi", "512Mi")
    """CPU and memory."""


class Bootstrap(Value):
    enabled: bool = True
    """Make the first administrator and API key after the install, and keep them in the Secret
    …-credentials. Where there are users, nothing is made."""
    admin: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@+-]{1,150}$")] = "admin"
    """User name of the administrator."""


class TopologySpread(Value):
    enabled: bool = True
    """Spread the pods of a component."""
    keys: list[str] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    """Labels of nodes over whose values they are spread."""
    when_unsatisfiable: Literal["ScheduleAnyway", "DoNotSchedule"] = "ScheduleAnyway"
    """What happens to a pod that cannot be spread."""


class Budget(Value):
    enabled: bool = True
    """Limit how many pods of a component a drained node may take at once. Needs Kubernetes 1.21."""
    max_unavailable: Annotated[int, Field(ge=1, le=1000)] = 1
    """Pods of a component that may be missing."""


class NetworkPolicy(Value):
    enabled: bool = True
    """Deny all traffic of the pods but what they need. Has an effect only where the network
    enforces it."""
    app_from: list[Passed] = [{"namespaceSelector": {}}]
    """Who may call the app: your Ingress or gateway, your clients, Prometheus, KEDA."""
    metrics_from: list[Passed] = [{"namespaceSelector": {}}]
    """Who may read the metrics of workers: Prometheus."""
    servers_to: list[Passed] = []
    """Where Postgres and Redis are; empty: anywhere, on their ports."""
    extra_egress: list[Passed] = []
    """Further rules for what all pods may call, as Kubernetes describes `egress`."""
    workers_to: list[Passed] = [
        {
            "ipBlock": {
                "cidr": "0.0.0.0/0",
                "except": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12",
                           "192.168.0.0/16"],
            }
        },
        {"ipBlock": {"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}},
    ]  # fmt: skip
    """What handlers may call, on any port: by default public addresses, so neither the cluster nor
    its metadata service."""
    api_server_ports: list[Port] = [443, 6443]
    """Ports of the API server, for the autoscaler and the bootstrap."""


class Ingress(Value):
    enabled: bool = False
    """Make an Ingress for `hosts`."""
    class_name: OptionalName = ""
    """Its class; empty: the cluster's default."""
    annotations: Texts = {}
    """Its annotations. WebSockets need a read time-out of a minute or more."""
    tls_secret: OptionalName = ""
    """Secret with the certificate; empty: the controller's own."""


class HttpRoute(Value):
    enabled: bool = False
    """Make an HTTPRoute of the Gateway API for `hosts`."""
    parent_refs: list[Passed] = []
    """The gateways that serve it: name, namespace, sectionName."""
    annotations: Texts = {}
    """Its annotations."""


class ServiceMonitor(Value):
    enabled: bool = False
    """Let the Prometheus operator scrape the app and the workers."""
    interval: Annotated[str, Field(pattern=r"^[0-9]+(ms|s|m|h)$")] = "15s"
    """Time between two scrapes."""
    labels: Texts = {}
    """Labels by which Prometheus finds it."""
    workspace_keys: list[KeyOf] = []
    """API keys of the role viewer with the scope metrics:read, one for each workspace whose queues
    and work are scraped."""


class PrometheusRule(Value):
    enabled: bool = False
    """Install the alerts of docs/metrics.md."""
    labels: Texts = {}
    """Labels by which Prometheus finds it."""


class Monitoring(Value):
    service_monitor: ServiceMonitor = ServiceMonitor()
    """What Prometheus scrapes."""
    prometheus_rule: PrometheusRule = PrometheusRule()
    """Alerts."""


class Tests(Value):
    enabled: bool = True
    """Make the pod of `helm test`, which submits a task and waits for its end."""
    key_secret: KeyOf = KeyOf()
    """API key of the role operator; empty: that of the bootstrap."""


class ServiceAccount(Value):
    annotations: Texts = {}
    """Annotations of the account of all pods but the autoscaler's, for example for a cloud's
    identities."""


class Storage(Value):
    home_size_limit: Size = "256Mi"
    """Size of the folder for state that need not survive a pod."""
    tmp_size_limit: Size = "1Gi"
    """Size of /tmp, which handlers may use."""


class Values(Placement):
    name_override: OptionalName = ""
    """Replaces the name of the chart in names and labels."""
    fullname_override: OptionalName = ""
    """Replaces the first part of all names."""
    image: MainImage = MainImage()
    """The image of every component."""
    hosts: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]] = []
    """Names under which people reach it. The app answers to no others."""
    secure_ssl: bool = Field(True, alias="secureSSL")
    """Redirect to HTTPS, and send cookies over it only. False only to try it out, where nothing
    ends TLS."""
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 1
    """Entries of X-Forwarded-For, from the right, that your own proxies add."""
    csrf_trusted_origins: list[Annotated[str, Field(pattern=r"^https?://\S+$")]] = []
    """Origins of pages, where a proxy changes the host."""
    path_prefix: Annotated[str, Field(pattern=r"^(/\S*[^/\s])?$")] = ""
    """Path below which it is served, such as /taskplane."""
    config: Passed = {}
    """Further settings, by the names of docs/configuration.md."""
    extra_env: list[Passed] = []
    """Further variables of every pod, as Kubernetes describes `env`; for your handlers."""
    extra_volumes: list[Passed] = []
    """Further volumes of every pod, as Kubernetes describes them."""
    extra_volume_mounts: list[Passed] = []
    """Where they are mounted."""
    host_aliases: list[Passed] = []
    """Names that the pods know without DNS: ip, hostnames."""
    pod_annotations: Texts = {}
    """Annotations of every pod."""
    pod_labels: Texts = {}
    """Labels of every pod."""
    secrets: Secrets = Secrets()
    """Secrets, mounted as files: no variable shows them."""
    postgres: Postgres = Postgres()
    """Where the data is."""
    redis: Redis = Redis()
    """What carries wake-ups and live updates."""
    migrate: Migrate = Migrate()
    """Migration of the database's schema."""
    bootstrap: Bootstrap = Bootstrap()
    """The first user and key."""
    app: App = App()
    """API and pages."""
    live: Live = Live()
    """WebSockets."""
    dispatcher: Dispatcher = Dispatcher()
    """What starts delayed tasks, retries and schedules."""
    workers: WorkerSet = WorkerSet()
    """What every worker set has unless it says otherwise."""
    worker_sets: dict[str, WorkerSet] = {"default": WorkerSet()}
    """Groups of workers by name, each a Deployment: what differs from `workers`. Set `default` to
    null to have only sets of your own."""
    autoscaler: Autoscaler = Autoscaler()
    """What decides on the number of workers."""
    keda: Keda = Keda()
    """For worker sets with scaledBy keda."""
    topology_spread: TopologySpread = TopologySpread()
    """Over which nodes pods are spread."""
    pod_disruption_budget: Budget = Budget()
    """What a drained node may take."""
    network_policy: NetworkPolicy = NetworkPolicy()
    """Who may talk to whom."""
    ingress: Ingress = Ingress()
    """The way in, by an Ingress controller."""
    http_route: HttpRoute = HttpRoute()
    """The way in, by the Gateway API."""
    monitoring: Monitoring = Monitoring()
    """For the Prometheus operator."""
    service_account: ServiceAccount = ServiceAccount()
    """The account of the pods."""
    storage: Storage = Storage()
    """Folders that pods may write to."""
    tests: Tests = Tests()
    """For `helm test`."""
    extra_objects: list[Passed | str] = []
    """Further objects of the release; texts are templates."""
