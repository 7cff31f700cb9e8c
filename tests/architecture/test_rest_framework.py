"""Where the REST framework may be: in the API, whose resources are schemas. For the engine see
`test_long_running_commands`."""

from tests.architecture.test_conventions import PACKAGES, ROOT


def test_no_resource_is_a_serializer() -> None:
    """`verbs` has one, for the form of the browsable API."""
    found = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "rest_framework.serializers" in (source := path.read_text())
        or "rest_framework import serializers" in source
    ]
    assert found == ["controlplane/core/http/verbs.py"]
