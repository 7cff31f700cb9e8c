"""The back-ends by name. Each is imported when it is wanted: two need packages of their own."""

from scaling.fleet.advisory import AdvisoryFleet
from scaling.fleet.base import Fleet, FleetError


def make_fleet(name: str) -> Fleet:
    """The back-end of this name, as the settings describe it.

    Raises FleetError: its package is not installed, or a setting that it needs is missing.
    """
    if name == "advisory":
        return AdvisoryFleet()
    if name == "process":
        from scaling.fleet.process import ProcessFleet

        return ProcessFleet.from_settings()
    if name == "docker":
        from scaling.fleet.docker import DockerFleet

        return DockerFleet.from_settings()
    if name == "kubernetes":
        from scaling.fleet.kubernetes import KubernetesFleet

        return KubernetesFleet.from_settings()
    raise FleetError(f"There is no back-end {name!r}.")
