"""What a command that prints and ends does not load: packages of pages, servers and handlers. The
start of each is its imports; `scripts/measure-commands` prints how long they take."""

import json
import os
import subprocess
import sys
from functools import cache

from controlplane.cli import CONSOLE
from tests.architecture.test_conventions import ROOT

# Modules after all of these commands were loaded into one process, which is more than any needs.
MAX_MODULES = 1_700
UNNEEDED = {
    "autobahn", "cel_expr_python", "channels_redis", "daphne", "django_prometheus", "docker",
    "drf_spectacular", "httpx", "jsonschema_rs", "kubernetes", "rest_framework", "supervisor",
    "twisted", "uvicorn", "uvloop", "whitenoise",
}  # fmt: skip
PAGES = {"controlplane.urls", "controlplane.asgi"}
OF_PAGES = (".admin", ".api", ".urls", ".openapi", ".consumer")
PRINT_LOADED = """
import json, sys
import django
django.setup()
from django.core.management import get_commands, load_command_class
loaded = {}
for name in sys.argv[1:]:
    load_command_class(get_commands()[name], name)
    loaded[name] = sorted(sys.modules)
print(json.dumps(loaded))
"""


@cache
def loaded() -> dict[str, list[str]]:
    """The names of all modules after each command was loaded, one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_LOADED, *sorted(CONSOLE)],
        cwd=ROOT,
        env={**os.environ, "TASKPLANE_COMPONENT": "console"},
        capture_output=True,
        check=True,
        text=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_no_package_of_pages_and_servers_is_loaded() -> None:
    assert list(loaded()) == sorted(CONSOLE)
    for name, modules in loaded().items():
        packages = {module.partition(".")[0] for module in modules}
        assert packages & UNNEEDED == set(), name


def test_none_of_our_pages_is_loaded() -> None:
    own = ("controlplane.", "tasks_app.", "workflows.", "dlq.", "scaling.")
    for name, modules in loaded().items():
        pages = [
            module
            for module in modules
            if module in PAGES
            or (
                (module.startswith(own) and module.endswith(OF_PAGES))
                and module != "controlplane.core.admin"
            )  # charts and bars: pure functions
        ]
        assert pages == [], name


def test_there_are_not_more_modules_than_before() -> None:
    assert len(loaded()[max(CONSOLE)]) < MAX_MODULES
