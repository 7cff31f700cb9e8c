"""What the processes that run for weeks do not load: the REST framework, and what draws tables."""

import json
import subprocess
import sys
from functools import cache

from tests.architecture.test_conventions import ROOT

# The modules of installed apps that Django itself imports.
OF_SETUP = {"apps", "checks"}
SERVICES = "tasks_app.services"
COMMANDS = ("dispatch", "worker", "autoscale")
PRINT_LOADED = """
import importlib, json, sys
import django
django.setup()
from django.core.management import get_commands, load_command_class
services, *commands = sys.argv[1:]
loaded = {}
importlib.import_module(services)
loaded[services] = sorted(sys.modules)
for name in commands:
    load_command_class(get_commands()[name], name)
    loaded[name] = sorted(sys.modules)
print(json.dumps(loaded))
"""


@cache
def loaded() -> dict[str, list[str]]:
    """The names of all modules after each of these was loaded, one after the other, in one fresh
    process."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_LOADED, SERVICES, *COMMANDS],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_they_do_not_load_the_rest_framework() -> None:
    assert list(loaded()) == [SERVICES, *COMMANDS]
    for name, modules in loaded().items():
        frameworks = [m for m in modules if m.startswith(("rest_framework.", "drf_spectacular."))]
        assert frameworks, f"{name}: not even what Django itself imports"
        assert [m for m in frameworks if m.split(".")[1] not in OF_SETUP] == [], name


def test_they_do_not_load_rich() -> None:
    for name, modules in loaded().items():
        assert name == SERVICES or "rich" not in modules, name
