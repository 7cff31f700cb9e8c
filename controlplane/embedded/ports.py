"""Ports on the loopback address."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range from which systems give ports to outgoing connections: one of those could take
# a remembered port while its server is stopped.
CHOICES = range(15_000, 30_000)
TRIES = 50


def free_port() -> int:
    """A port that nobody listens on now."""
    for port in random.sample(CHOICES, TRIES):
        if is_free(port):
            return port
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError:
            return False
    return True


def remembered_or_free(port: object) -> int:
    """The port used last time when it can be had again, else another one."""
    if isinstance(port, int) and is_free(port):
        return port
    return free_port()
