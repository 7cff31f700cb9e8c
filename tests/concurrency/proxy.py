"""A way to the database that can be cut at the worst moment."""

import socket
import threading
import time
from types import TracebackType
from typing import Self

_CHUNK = 65_536


class Proxy:
    """Forwards TCP connections to a port of this machine.

    `is_down` refuses new connections and cuts the present ones. `lose_reply_to` cuts a connection
    when the server has answered a request with these bytes, before the answer is passed on, and
    stays down for `down_seconds` after that; once.
    """

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_down = False
        self.lose_reply_to: bytes | None = None
        self.down_seconds = 0.0
        self.cuts = 0
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End all connections."""
        for sock in list(self._open):
            _close(sock)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            if self.is_down:
                _close(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the server is down
                _close(client)
                continue
            self._open |= {client, server}
            lossy = threading.Event()
            for arguments in ((client, server, lossy, True), (server, client, lossy, False)):
                threading.Thread(target=self._forward, args=arguments, daemon=True).start()

    def _forward(
        self, source: socket.socket, sink: socket.socket, lossy: threading.Event, is_request: bool
    ) -> None:
        try:
            while data := source.recv(_CHUNK):
                if is_request and self.lose_reply_to and self.lose_reply_to in data:
                    self.lose_reply_to = None
                    self.is_down = bool(self.down_seconds)
                    lossy.set()
                if not is_request and lossy.is_set():
                    self.cuts += 1
                    threading.Thread(target=self._come_back, daemon=True).start()
                    break
                sink.sendall(data)
        except OSError:  # the other direction was cut
            pass
        finally:
            for sock in (source, sink):
                _close(sock)
                self._open.discard(sock)

    def _come_back(self) -> None:
        time.sleep(self.down_seconds)
        self.is_down = False


def _close(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it was closed already
        return
    finally:
        sock.close()
