"""The first answer to a creating call, which the same key gives again for a day."""

from controlplane.workspaces.idempotency import hash_body
from controlplane.workspaces.idempotency import store_or_get_response as keep_first_answer

__all__ = ["hash_body", "keep_first_answer"]
