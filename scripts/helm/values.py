"""Every value of the chart, declared once: name, type, bounds, default and meaning.

scripts/render-chart makes values.yaml, values.schema.json and README.md from these. Rules between
values (this one needs that one) are in the chart: templates/_validate.tpl.
"""

from typing import Annotated

from pydantic import Field

from scripts.helm.base import MainImage, OptionalName, Passed, Placement, Texts
from scripts.helm.components import (
    App,
    Autoscaler,
    Bootstrap,
    Dispatcher,
    Keda,
    Live,
    Migrate,
    WorkerSet,
)
from scripts.helm.servers import Postgres, Redis, Secrets
from scripts.helm.surroundings import (
    Budget,
    HttpRoute,
    Ingress,
    Monitoring,
    NetworkPolicy,
    ServiceAccount,
    Storage,
    Tests,
    TopologySpread,
)


class Values(Placement):
    name_override: OptionalName = ""
    """Replaces the name of the chart in names and labels."""
    fullname_override: OptionalName = ""
    """Replaces the first part of all names."""
    image: MainImage = MainImage()
    """The image of every component."""
    hosts: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]] = []
    """Names under which people reach it. The app answers to no others."""
    secure_ssl: bool = Field(default=True, alias="secureSSL")
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
    """Further objects of the release; texts are templates. The migration's hook runs before
    they are there: what it needs of them is a hook, too (helm.sh/hook: pre-install,pre-upgrade)."""
