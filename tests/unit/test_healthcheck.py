"""The health check of containers, run as the engine runs it."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from controlplane.core.runtime.pulse import Pulse

CHECK = Path(__file__).resolve().parents[2] / "docker" / "healthcheck.py"


def check(*arguments: str, **env: str) -> tuple[int, str]:
    found = subprocess.run(
        [sys.executable, CHECK, *arguments],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return found.returncode, found.stderr.strip()


class Service(BaseHTTPRequestHandler):
    status = 200
    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Host"]))
        body = json.dumps({"status": "down"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), type("Handler", (Service,), {"asked": []})) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("component", "variable", "path"),
    [
        ("app", "APP_SERVICE_PORT", "/health/ready"),
        ("worker", "WORKER_SERVICE_PORT", "/health"),
    ],
)
def test_what_has_a_port_is_asked(
    service: HTTPServer, component: str, variable: str, path: str
) -> None:
    env = {variable: str(service.server_port)}
    assert check(component, **env) == (0, "")
    handler = service.RequestHandlerClass
    assert handler.asked == [(path, "localhost")]  # type: ignore[attr-defined] # made above
    handler.status = 503  # type: ignore[attr-defined] # as above
    code, text = check(component, **env)
    assert code == 1
    assert text == f'{component}: {path} answers 503: {{"status": "down"}}'


def test_a_port_without_a_listener_is_not_healthy() -> None:
    code, text = check("worker", WORKER_SERVICE_PORT="1")
    assert code == 1
    assert text.startswith("worker: /health does not answer: ")


@pytest.mark.parametrize("component", ["dispatcher", "autoscaler"])
def test_what_has_no_port_is_known_by_its_pulse(
    component: str, tmp_path: Path, settings: object
) -> None:
    home = str(tmp_path)
    code, text = check(component, TASKPLANE_HOME=home)
    assert code == 1
    assert text.startswith(f"{component}: its loop has not begun: ")
    settings.TASKPLANE = {"STATE_DIR": tmp_path / "run"}  # type: ignore[attr-defined] # pytest-django's
    Pulse(component).beat()
    assert check(component, TASKPLANE_HOME=home) == (0, "")
    file = tmp_path / "run" / f"{component}.pulse"
    before = time.time() - 100
    os.utime(file, (before, before))
    code, text = check(component, TASKPLANE_HOME=home)
    assert code == 1
    assert re.fullmatch(rf"{component}: its loop has not turned for 1\d\d s", text)


def test_a_pulse_beats_once_a_second(tmp_path: Path, settings: object) -> None:
    settings.TASKPLANE = {"STATE_DIR": tmp_path}  # type: ignore[attr-defined] # pytest-django's
    pulse = Pulse("dispatcher")
    pulse.beat()
    file = tmp_path / "dispatcher.pulse"
    file.unlink()
    pulse.beat()
    assert not file.exists()


def test_a_folder_that_cannot_be_written_does_not_stop_the_loop(
    tmp_path: Path, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "run"
    blocked.write_text("a file where the folder should be")
    settings.TASKPLANE = {"STATE_DIR": blocked}  # type: ignore[attr-defined] # pytest-django's
    pulse = Pulse("dispatcher")
    pulse.beat()
    pulse._due = 0.0
    pulse.beat()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["Pulse not written"]


def test_another_process_is_refused_by_name() -> None:
    code, text = check()
    assert code == 1
    assert "name app, worker, dispatcher or autoscaler" in text
