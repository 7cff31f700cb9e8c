"""What several parts of values.yaml are made of."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Size = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?([KMGTP]i?)?$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
OptionalName = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$")]
# Without a port, which is a value of its own, and so without an IPv6 address.
OptionalHost = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$")]
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
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    """Key in that Secret."""


class Secret(Value):
    value: str = ""
    """The secret itself. It is stored in the release, so a Secret of your own is better."""
    existing_secret: OptionalName = ""
    """Name of a Secret of yours; the chart then keeps no copy."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    """Key in that Secret."""


class Resources(Value):
    requests: dict[str, str | int | float] = {}
    """What the scheduler reserves; cpu in cores, memory in bytes."""
    limits: dict[str, str | int | float] = {}
    """The most that a container may use; cpu in cores, memory in bytes."""


def resources(cpu: str, memory: str, limit: str) -> Resources:
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": limit})


class Placement(Value):
    node_selector: Texts = {}
    """Labels that a node must have."""
    tolerations: list[Passed] = []
    """Taints of nodes that are accepted."""
    affinity: Passed = {}
    """Affinity, as Kubernetes describes it."""
    priority_class_name: OptionalName = ""
    """Priority class of the pods."""
