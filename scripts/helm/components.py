"""Values of what runs: app, dispatcher, workers, autoscaler, Jobs."""

from typing import Annotated, Literal

from pydantic import Field

from scripts.helm.base import (
    Count,
    Image,
    KeyOf,
    Passed,
    Placement,
    Port,
    Resources,
    Seconds,
    Texts,
    Value,
    resources,
)


class Service(Value):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Type of the Service."""
    port: Port = 3002
    """Port of the Service."""
    annotations: Texts = {}
    """Annotations of the Service."""
    cluster_ip: str = Field(default="", alias="clusterIP")
    """Its address; empty: one is chosen."""


class App(Value):
    replicas: Count = 2
    """Pods that serve the API and the pages."""
    resources: Resources = resources("250m", "256Mi", "768Mi")
    """CPU and memory of a pod."""
    pre_stop_seconds: Annotated[int, Field(ge=0, le=120)] = 5
    """Seconds for which a pod that ends still serves, until no proxy sends it requests."""
    termination_grace_period_seconds: Annotated[int, Field(ge=10, le=86_400)] = 30
    """Seconds until a pod that ends is killed: preStopSeconds, 4 for requests, and the longest
    export that may finish."""
    service: Service = Service()
    """The Service in front of the pods."""


class Live(Value):
    enabled: bool = False
    """Serve WebSockets from pods of their own, below /ws/. Needs an Ingress or HTTPRoute: a Service
    alone cannot choose by path."""
    replicas: Count = 2
    """Pods that serve WebSockets."""
    resources: Resources = resources("100m", "256Mi", "512Mi")
    """CPU and memory of a pod."""


class Dispatcher(Value):
    replicas: Count = 2
    """Pods; one leads, another takes over."""
    resources: Resources = resources("100m", "128Mi", "256Mi")
    """CPU and memory of a pod."""


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
    resources: Resources = resources("500m", "512Mi", "2Gi")
    """CPU and memory of a worker: 200 MiB for five slots, and what your handlers need."""
    extra_env: list[Passed] = []
    """Variables for these workers only, as Kubernetes describes `env`."""


class Autoscaler(Value):
    enabled: bool = True
    """Run the autoscaler. Where no worker set is scaled by it, it decides and explains only."""
    replicas: Count = 1
    """Pods; one leads, another takes over."""
    resources: Resources = resources("100m", "128Mi", "512Mi")
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
    """Failures after which the Job fails."""
    active_deadline_seconds: Annotated[int, Field(ge=30, le=86_400)] = 3600
    """Seconds after which the Job fails."""
    resources: Resources = resources("100m", "256Mi", "512Mi")
    """CPU and memory."""
    extra_env: list[Passed] = []
    """Variables for the migration only, as Kubernetes describes `env`, such as a DATABASE_URL that
    reaches Postgres without a pooler. They replace those of the same name."""


class Bootstrap(Value):
    enabled: bool = True
    """Make the first administrator and API key after the install, and keep them in the Secret
    …-credentials. Where there are users, nothing is made."""
    admin: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@+-]{1,150}$")] = "admin"
    """User name of the administrator."""
