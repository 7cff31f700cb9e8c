"""Where the REST framework may be: in the API, whose resources are schemas; not in the engine."""

import subprocess
import sys

import pytest

from tests.architecture.test_conventions import PACKAGES, ROOT

# The modules of installed apps that Django itself imports.
OF_SETUP = {"apps", "checks"}
PRINT_LOADED = """
import importlib, sys
import django
django.setup()
importlib.import_module(sys.argv[1])
print(*[name for name in sys.modules if name.startswith(("rest_framework.", "drf_spectacular."))])
"""


@pytest.mark.parametrize(
    "module",
    [
        "tasks_app.services",
        "workers.management.commands.worker",
        "scaling.management.commands.autoscale",
    ],
)
def test_the_engine_does_not_load_it(module: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", PRINT_LOADED, module],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout.split()  # fmt: skip
    assert loaded, "nothing was printed"
    assert [name for name in loaded if name.split(".")[1] not in OF_SETUP] == []


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
