"""Values of secrets, Postgres and Redis."""

from typing import Annotated, Literal

from pydantic import Field

from scripts.helm.base import (
    KeyOf,
    OptionalHost,
    OptionalName,
    Port,
    Resources,
    Secret,
    Size,
    Value,
    resources,
)


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
    database, user and sslmode of `postgres`, and databasePassword. Its port must be in
    `postgres.port`, too: the network policy opens that one."""
    redis_password: Secret = Secret(key="REDIS_PASSWORD")
    """Password for Redis."""
    metrics_token: Secret = Secret(key="METRICS_TOKEN")
    """Bearer token that may read /metrics and nothing else: 32 random characters or more."""


class Trial(Value):
    image: Annotated[str, Field(pattern=r"^\S+$")]
    """Image, with its tag or digest."""
    user_id: Annotated[int, Field(ge=1)] = 999
    """Number of the user in that image."""
    resources: Resources
    """CPU and memory."""
    cluster_ip: str = Field(default="", alias="clusterIP")
    """Address of its Service; empty: one is chosen."""


class PostgresTrial(Trial):
    image: Annotated[str, Field(pattern=r"^\S+$")] = "postgres:18"
    """Image, with its tag or digest."""
    resources: Resources = resources("100m", "256Mi", "512Mi")
    """CPU and memory."""
    persistent: bool = True
    """Keep the data on a volume, which stays when the release is removed; false: the data is gone
    with the pod."""
    storage: Size = "1Gi"
    """Size of that volume."""
    storage_class: OptionalName = ""
    """Storage class of the volume; empty: the cluster's default."""


class RedisTrial(Trial):
    image: Annotated[str, Field(pattern=r"^\S+$")] = "valkey/valkey:9"
    """Image, with its tag or digest."""
    resources: Resources = resources("50m", "64Mi", "384Mi")
    """CPU and memory."""


class Postgres(Value):
    enabled: bool = False
    """NOT FOR PRODUCTION: run one Postgres in the cluster, to try Taskplane out. No backup, no
    replica, no TLS."""
    host: OptionalHost = ""
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
    host: OptionalHost = ""
    """Host of your Redis 7 or Valkey 8, or later."""
    port: Port = 6379
    """Its port."""
    trial: RedisTrial = RedisTrial()
    """The Valkey of `enabled`."""
