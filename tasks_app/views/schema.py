"""The parameter of calls that may carry an idempotency key."""

from controlplane.workspaces.idempotency import KEY_PARAMETER as IDEMPOTENCY_KEY

__all__ = ["IDEMPOTENCY_KEY"]
