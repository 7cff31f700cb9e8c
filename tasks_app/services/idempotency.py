"""The first answer to a creating call, which the same key gives again for a day."""

from controlplane.workspaces.idempotency import hash_body
from controlplane.workspaces.idempotency import store_or_get_response as store_or_get_response

__all__ = ["hash_body", "store_or_get_response"]
