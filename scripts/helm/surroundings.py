"""Values of what is around the pods: nodes, network, way in, monitoring."""

from typing import Annotated, Literal

from pydantic import Field

from scripts.helm.base import (
    KeyOf,
    OptionalName,
    Passed,
    Port,
    Size,
    Texts,
    Value,
)


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
    key_secret: KeyOf = KeyOf(key="TASKPLANE_API_KEY")
    """API key of the role operator; empty: that of the bootstrap."""


class ServiceAccount(Value):
    annotations: Texts = {}
    """Annotations of the account of all pods but the autoscaler's and the bootstrap's, and of the
    account of the migration's hook; for example for a cloud's identities."""


class Storage(Value):
    home_size_limit: Size = "256Mi"
    """Size of the folder for state that need not survive a pod."""
    tmp_size_limit: Size = "1Gi"
    """Size of /tmp, which handlers may use."""
