"""Finding processors: in apps, in the setting, by entry point; and what a broken module says."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from tasks_app.processors import registry

SHIPPED = {
    "cleanup", "cpu", "data-processing", "file-stats", "file-stats-merge", "flaky",
    "health-check", "http-request", "noop", "sleep",
}  # fmt: skip
HANDLER = """
from tasks_app.processors import processor

@processor({name!r})
def handle(ctx, payload):
    return None
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_processors", dict(registry._processors))
    return tmp_path


def test_the_shipped_processors_are_found() -> None:
    assert set(registry.discover()) >= SHIPPED


def test_modules_of_the_setting(modules: Path, settings: Settings) -> None:
    (modules / "acme_jobs.py").write_text(HANDLER.format(name="acme.invoice"))
    settings.TASKPLANE_PROCESSORS = ["acme_jobs"]

    assert "acme.invoice" in registry.discover()


def test_processors_of_an_installed_app(modules: Path, settings: Settings) -> None:
    package = modules / "shop_app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "processors.py").write_text(HANDLER.format(name="shop.ship"))
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "shop_app"]

    assert "shop.ship" in registry.discover()


def test_entry_points(modules: Path) -> None:
    (modules / "plugin_jobs.py").write_text(HANDLER.format(name="plugin.job"))
    record = modules / "plugin_jobs-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-jobs\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[taskplane.processors]\njobs = plugin_jobs\n")
    importlib.invalidate_caches()

    assert "plugin.job" in registry.discover()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(:", "SyntaxError: "),
        (HANDLER.format(name="noop"), "ImproperlyConfigured: Two functions claim"),
    ],
)
def test_a_broken_module_stops_the_start_in_one_sentence(
    modules: Path, settings: Settings, text: str, cause: str
) -> None:
    registry.discover()
    (modules / "broken_jobs.py").write_text(text)
    settings.TASKPLANE_PROCESSORS = ["broken_jobs"]

    with pytest.raises(ImproperlyConfigured) as caught:
        registry.discover()
    sys.modules.pop("broken_jobs", None)

    message = str(caught.value)
    assert message.startswith(
        "Processors cannot be loaded: module 'broken_jobs' (from TASKPLANE_PROCESSORS) "
        f"fails with {cause}"
    )
    assert "\n" not in message


def test_a_module_that_is_missing_is_named(settings: Settings) -> None:
    settings.TASKPLANE_PROCESSORS = ["nowhere.jobs"]

    with pytest.raises(ImproperlyConfigured, match=r"'nowhere\.jobs'.*No module named 'nowhere'"):
        registry.discover()


def test_discovery_opens_no_connection_and_does_not_load_the_http_client() -> None:
    # In a fresh process, where no earlier test has loaded or opened anything. Nobody listens on
    # port 1: any use of the database would fail.
    script = (
        "import sys, django; django.setup();"
        "from tasks_app.processors.registry import discover; discover();"
        "from django.db import connections;"
        "assert all(c.connection is None for c in connections.all());"
        "assert 'httpx' not in sys.modules"
    )
    env = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}

    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
