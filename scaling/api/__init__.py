"""The HTTP API of auto-scaling."""
