"""The scripts that the chart runs in the image: the first user, the test of an installation."""

import base64
import importlib.util
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scripts.helm.documents import CHART
from tests.unit.processors.certificates import make_authority

PRINTED = "TASKPLANE_API_KEY=tp_a=b\nTASKPLANE_ADMIN_USER=admin\nTASKPLANE_ADMIN_PASSWORD=secret\n"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, CHART / "files" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Server:
    """Answers each request with the next of `answers`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, Any, dict[str, str]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = dict(self.headers)
                found = json.loads(body) if body else None
                server.asked.append((self.command, self.path, found, headers))
                status, content = server.answers.pop(0)
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = answer  # noqa: N815 - names of the library

            def log_message(self, *arguments: object) -> None:
                """Nothing on standard error."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_port


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


@pytest.fixture
def bootstrap(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script in a pod: an account, an API server with a certificate, a `manage.py` that prints
    PRINTED."""
    authority = make_authority(tmp_path, names=["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.key)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    account = tmp_path / "account"
    account.mkdir()
    (account / "ca.crt").write_bytes(authority.trust.read_bytes())
    (account / "token").write_text("the-token\n")
    (account / "namespace").write_text("here")
    (tmp_path / "manage.py").write_text(
        f"import sys; open('called', 'a').write(' '.join(sys.argv[1:])); print({PRINTED!r})"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "localhost")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    monkeypatch.setenv("SECRET_NAME", "taskplane-credentials")
    monkeypatch.setenv("ADMIN", "anna")
    module = load("keep_credentials")
    monkeypatch.setattr(module, "ACCOUNT", account)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    return module


def test_the_first_user_is_kept_in_the_secret_and_not_printed(
    bootstrap: ModuleType, server: Server, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.answers = [(200, {}), (503, {}), (200, {})]
    assert bootstrap.main() == 0
    assert (tmp_path / "called").read_text() == "bootstrap --admin anna"
    tried, refused, written = server.asked
    path = "/api/v1/namespaces/here/secrets/taskplane-credentials"
    assert tried[:3] == ("PATCH", path, {})
    assert refused[2] == written[2]
    data = {name: base64.b64decode(value).decode() for name, value in written[2]["data"].items()}
    assert data == {
        "TASKPLANE_API_KEY": "tp_a=b",
        "TASKPLANE_ADMIN_USER": "admin",
        "TASKPLANE_ADMIN_PASSWORD": "secret",
    }
    assert written[3]["Authorization"] == "Bearer the-token"
    assert written[3]["Content-Type"] == "application/merge-patch+json"
    shown = "".join(capfd.readouterr())
    assert "are in the Secret taskplane-credentials" in shown
    assert "tp_" not in shown
    assert "secret\n" not in shown


def test_nothing_is_made_that_could_not_be_kept(
    bootstrap: ModuleType, server: Server, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.answers = [(403, {})]
    assert bootstrap.main() == 1
    assert not (tmp_path / "called").exists()
    assert "cannot be reached (HTTP Error 403" in capfd.readouterr().err


def test_where_there_are_users_nothing_is_written(
    bootstrap: ModuleType, server: Server, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "manage.py").write_text("")
    server.answers = [(200, {})]
    assert bootstrap.main() == 0
    assert len(server.asked) == 1
    assert "There are users already" in capfd.readouterr().out


def test_a_failed_command_fails(bootstrap: ModuleType, server: Server, tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text("raise SystemExit(2)")
    server.answers = [(200, {})]
    assert bootstrap.main() == 1


@pytest.fixture
def smoke(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    key = tmp_path / "key"
    key.write_text("tp_key\n")
    monkeypatch.setenv("TASKPLANE_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("KEY_FILE", str(key))
    monkeypatch.setenv("IS_SECURE", "true")
    module = load("smoke_test")
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "KEY_SECONDS", 0.5)
    return module


def test_the_test_of_an_installation_waits_for_the_key(
    smoke: ModuleType, server: Server, tmp_path: Path
) -> None:
    """The bootstrap writes it after the install."""
    (tmp_path / "key").unlink()
    writes = threading.Timer(0.05, (tmp_path / "key").write_text, ["tp_late"])
    writes.start()
    server.answers = [(201, {"id": "1", "status": "COMPLETED"})]
    assert smoke.main() == 0
    writes.join()
    assert server.asked[0][3]["Authorization"] == "Bearer tp_late"


def test_the_test_of_an_installation_waits_for_the_task(smoke: ModuleType, server: Server) -> None:
    states = ("PENDING", "RUNNING", "COMPLETED")
    server.answers = [(201, {"id": "1", "status": states[0]})]
    server.answers += [(200, {"id": "1", "status": state}) for state in states[1:]]
    assert smoke.main() == 0
    assert [(method, path) for method, path, _, _ in server.asked] == [
        ("POST", "/tasks"),
        ("GET", "/tasks/1"),
        ("GET", "/tasks/1"),
    ]
    headers = server.asked[0][3]
    assert headers["Authorization"] == "Bearer tp_key"
    assert headers["X-Forwarded-Proto"] == "https"


def test_the_test_of_an_installation_explains_a_missing_key(
    smoke: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").unlink()
    assert smoke.main() == 1
    assert "name its Secret in tests.keySecret" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([(201, {"id": "1", "status": "FAILED"})], "Task 1 is FAILED."),
        ([(401, {"detail": "no key"})], "The app answers 401"),
    ],
)
def test_the_test_of_an_installation_fails_with_a_sentence(
    smoke: ModuleType,
    server: Server,
    capfd: pytest.CaptureFixture[str],
    answers: list[tuple[int, Any]],
    sentence: str,
) -> None:
    server.answers = answers
    assert smoke.main() == 1
    assert sentence in "".join(capfd.readouterr())
