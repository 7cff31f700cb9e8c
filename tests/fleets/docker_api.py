"""Docker's Engine API over HTTP on a socket of its own: the calls that the back-end makes.

By the Engine API's reference, version 1.45; a comment names the operation or the page. The rules of
containers are in docker_machine.
"""

import json
import re
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fleets.docker_machine import NOWHEN, Container, Machine, RefusedError

API_VERSION = "1.45"
_STDOUT = 1


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    fake: "DockerApi"


class DockerApi:
    """A running engine on the socket `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.machine = Machine()
        self.calls: list[str] = []
        # For the next calls, in place of an answer: a status to refuse with, or seconds to wait.
        self.refuses: int | None = None
        self.waits = 0.0
        self.connections: set[socket.socket] = set()
        self._server = _Server(str(path), _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    def hide(self) -> None:
        """The socket is gone, and so are the connections; what runs goes on."""
        self.path.rename(self.path.with_suffix(".away"))
        self.break_connections()

    def break_connections(self) -> None:
        """As when the engine starts again."""
        for each in list(self.connections):
            with suppress(OSError):  # its other end was faster
                each.shutdown(socket.SHUT_RDWR)

    def show(self) -> None:
        """It is there again."""
        self.path.with_suffix(".away").rename(self.path)

    def hinder(self) -> None:
        """As was ordered."""
        if self.waits:
            time.sleep(self.waits)
        if self.refuses is not None:
            raise RefusedError(self.refuses, "refused by a rule")

    def close(self) -> None:
        self.machine.close()
        self._server.shutdown()
        self._thread.join()
        self.break_connections()
        self._server.server_close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # As the engine: connections are kept.
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.fake.connections.add(self.connection)

    def finish(self) -> None:
        self.server.fake.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        fake = self.server.fake
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        # "Versioning": every path begins with the version, except for the newest.
        path = re.sub(r"^/v\d+\.\d+", "", unquote(url.path))
        fake.calls.append(f"{self.command} {path}")
        try:
            fake.hinder()
            with fake.machine.lock:
                status, answer = _route(fake.machine, self.command, path, query, body)
        except RefusedError as error:
            # "Errors": the standard HTTP status codes, with a JSON object that has a message.
            status, answer = error.status, {"message": error.message}
        with suppress(BrokenPipeError):
            self._send(status, answer)

    def _send(self, status: int, answer: Any) -> None:
        raw = isinstance(answer, bytes)
        data = answer if raw else b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        kind = "application/vnd.docker.multiplexed-stream" if raw else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


Answer = tuple[int, Any]
Call = Callable[[Machine, str, dict[str, str], dict[str, Any]], Answer]


def _route(
    machine: Machine, method: str, path: str, query: dict[str, str], body: dict[str, Any]
) -> Answer:
    for verb, pattern, call in _CALLS:
        found = re.fullmatch(pattern, path)
        if verb == method and found:
            return call(machine, found[1] if found.groups() else "", query, body)
    raise RefusedError(404, "page not found")


def _version(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    # SystemVersion
    return 200, {"Version": "26.1.5", "ApiVersion": API_VERSION, "MinAPIVersion": "1.24"}


def _list(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    # ContainerList: "By default, only running containers are listed"; the filter label is
    # `key` or `key=value`, and all of several must hold.
    wanted = json.loads(query.get("filters", "{}")).get("label", [])
    found = []
    for each in machine.containers.values():
        labels = each.config.get("Labels") or {}
        pairs = {*labels, *(f"{key}={value}" for key, value in labels.items())}
        if set(wanted) <= pairs and (query.get("all") == "1" or each.runs):
            found.append({"Id": each.id, "Names": [f"/{each.name}"], "State": each.status})
    return 200, found


def _inspect(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    # ContainerInspect
    each = machine.find(name)
    return 200, {
        "Id": each.id,
        "Name": f"/{each.name}",
        "Created": each.created_at,
        "Image": each.image_id,
        "RestartCount": each.restart_count,
        "State": {
            "Status": each.status,
            # ContainerState: one that waits to be started again counts as running too.
            "Running": each.runs or each.status == "restarting",
            "Paused": each.status == "paused",
            "Restarting": each.status == "restarting",
            "OOMKilled": each.oom_killed,
            "ExitCode": each.exit_code,
            "Error": each.error,
            "StartedAt": each.started_at,
            "FinishedAt": NOWHEN,
        },
        "Config": each.config,
        "HostConfig": each.host,
        "NetworkSettings": {"Networks": {n: _endpoint(each, e) for n, e in each.networks.items()}},
    }


def _endpoint(container: Container, given: dict[str, Any]) -> dict[str, Any]:
    # EndpointSettings: Aliases as they were given since 1.45; DNSNames has the short id too.
    aliases = given.get("Aliases")
    return {
        "Aliases": aliases,
        "Links": given.get("Links"),
        "DriverOpts": given.get("DriverOpts"),
        "IPAMConfig": given.get("IPAMConfig"),
        "NetworkID": "",
        "IPAddress": "",
        "DNSNames": [container.name, *(aliases or []), container.id[:12]],
    }


def _create(machine: Machine, name: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
    made = machine.create(query["name"], body)
    return 201, {"Id": made.id, "Warnings": []}


def _start(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    return (204 if machine.start(machine.find(name)) else 304), None


def _kill(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    machine.kill(machine.find(name), query.get("signal", "SIGKILL"))
    return 204, None


def _update(machine: Machine, name: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
    machine.update(machine.find(name), body)
    return 200, {"Warnings": None}


def _rename(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    machine.rename(machine.find(name), query["name"])
    return 204, None


def _remove(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    machine.remove(machine.find(name), force=query.get("force", "").lower() in ("1", "true"))
    return 204, None


def _logs(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    # ContainerAttach, "Stream format": a header of eight bytes, the stream and the length, before
    # each frame; only of a container without a terminal.
    lines = machine.find(name).output
    if query.get("tail", "all") != "all":
        lines = lines[-int(query["tail"]) :] if int(query["tail"]) else []
    frames = [f"{line}\n".encode() for line in lines]
    return 200, b"".join(struct.pack(">BxxxL", _STDOUT, len(f)) + f for f in frames)


def _image(machine: Machine, name: str, query: dict[str, str], body: Any) -> Answer:
    # ImageInspect
    found = machine.images.get(name) or (name if name in machine.images.values() else None)
    if found is None:
        raise RefusedError(404, f"No such image: {name}")
    return 200, {"Id": found}


def _connect(machine: Machine, name: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
    # NetworkConnect
    if name not in machine.networks:
        raise RefusedError(404, f"network {name} not found")
    machine.find(body["Container"]).networks[name] = dict(body.get("EndpointConfig") or {})
    return 200, None


_CALLS: list[tuple[str, str, Call]] = [
    ("GET", "/version", _version),
    ("GET", "/containers/json", _list),
    ("POST", "/containers/create", _create),
    ("GET", "/containers/([^/]+)/json", _inspect),
    ("GET", "/containers/([^/]+)/logs", _logs),
    ("POST", "/containers/([^/]+)/start", _start),
    ("POST", "/containers/([^/]+)/kill", _kill),
    ("POST", "/containers/([^/]+)/update", _update),
    ("POST", "/containers/([^/]+)/rename", _rename),
    ("DELETE", "/containers/([^/]+)", _remove),
    ("GET", "/images/(.+)/json", _image),
    ("POST", "/networks/([^/]+)/connect", _connect),
]
