"""What this project adds to the server, Daphne: bounded request bodies, responses that wait for
their clients, and failed responses that are cut off."""

from controlplane.core.http.server.install import install

__all__ = ["install"]
