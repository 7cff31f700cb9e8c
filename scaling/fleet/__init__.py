"""The back-ends that start and stop workers, behind one small interface."""

from scaling.fleet.base import Fleet, FleetError, Member, Phase

__all__ = ["Fleet", "FleetError", "Member", "Phase", "make_fleet"]


def make_fleet(name: str) -> Fleet:
    """The back-end of this name, as the settings describe it. Each is imported only when it is
    needed, since two need extra packages.

    Raises FleetError: its package is not installed, or a setting that it needs is missing.
    """
    if name == "advisory":
        from scaling.fleet.advisory import AdvisoryFleet

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
    raise FleetError(f"Unknown back-end {name!r}.")
