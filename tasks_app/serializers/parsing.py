"""The idempotency key of a call."""

from controlplane.workspaces.idempotency import resolve_idempotency_key as one_key

__all__ = ["one_key"]
