"""Copying a container."""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scaling.fleet.base import FleetError
from scaling.fleet.docker_engine import Record
from scaling.fleet.docker_members import (
    RESTART_LABEL,
    get_labels,
    get_name,
    get_restart,
)

_SHORT_ID = 12
# Compose writes it into a container that took the place of another one: whose name it then had.
_REPLACED = "com.docker.compose.replace"


def make_config(
    template: Record,
    *,
    name: str,
    image: str,
    labels: Mapping[str, str],
    restart: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of POST /containers/create for one more: everything of the template except name,
    host name and addresses, with these labels. Only the first network: the others are connected
    afterwards, as engines before API 1.44 take only one."""
    config: dict[str, Any] = copy.deepcopy(template["Config"])
    # Without a host name it gets the first characters of its id: so its node is recognised.
    for own in ("Hostname", "Domainname", "MacAddress"):
        config.pop(own, None)
    config["Image"] = image
    config["Labels"] = {
        **{key: value for key, value in get_labels(template).items() if key != _REPLACED},
        **labels,
        RESTART_LABEL: write_restart(restart),
    }
    host: dict[str, Any] = copy.deepcopy(template["HostConfig"])
    host.pop("ContainerIDFile", None)
    host["RestartPolicy"] = dict(restart)
    config["HostConfig"] = host
    first = find_first_network(template)
    endpoints = make_endpoints(template, name)
    if first is not None:
        config["NetworkingConfig"] = {"EndpointsConfig": {first: endpoints[first]}}
    return config


def make_endpoints(template: Record, name: str) -> dict[str, dict[str, Any]]:
    """Networks by name, with the aliases that the new container has in each."""
    was = get_name(template)
    made = {}
    for network, endpoint in (template["NetworkSettings"].get("Networks") or {}).items():
        # Engines before API 1.45 add the short id to the requested aliases.
        aliases = [
            name if alias == was else alias
            for alias in endpoint.get("Aliases") or []
            if alias != template["Id"][:_SHORT_ID]
        ]
        kept = {
            "Aliases": aliases,
            "Links": endpoint.get("Links"),
            "DriverOpts": endpoint.get("DriverOpts"),
        }
        made[network] = {key: value for key, value in kept.items() if value}
    return made


def find_first_network(template: Record) -> str | None:
    """The network that is given at creation; None if it has no network.

    Raises FleetError: it shares the network, and so the host name, of something else.
    """
    mode = str(template["HostConfig"].get("NetworkMode") or "default")
    if mode == "host" or mode.startswith("container:"):
        raise FleetError(
            f"The container {get_name(template)} has no network of its own (network_mode {mode}), "
            "so its copies cannot be distinguished: give it a network."
        )
    networks = list(template["NetworkSettings"].get("Networks") or {})
    if mode in networks:
        return mode
    return networks[0] if networks else None


def find_restart(template: Record, others: Iterable[Record]) -> dict[str, Any]:
    """The restart policy that copies get: that of the template as it was before it was fenced. A
    copy has it as a label; for a container of other origin the other copies have it."""
    for record in (template, *others):
        noted = read_restart(get_labels(record).get(RESTART_LABEL, ""))
        if noted is not None:
            return noted
        if get_restart(record)["Name"] != "no":
            return get_restart(record)
    return get_restart(template)


def write_restart(policy: Mapping[str, Any]) -> str:
    """As on the command line: `on-failure:3`."""
    count = policy.get("MaximumRetryCount") or 0
    return f"{policy['Name']}:{count}" if count else str(policy["Name"])


def read_restart(text: str) -> dict[str, Any] | None:
    """None: it is none."""
    found = re.fullmatch(r"(no|always|unless-stopped|on-failure)(?::(\d+))?", text)
    if found is None:
        return None
    return {"Name": found[1], "MaximumRetryCount": int(found[2] or 0)}
