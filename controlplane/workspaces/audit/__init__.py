"""The audit log: what its events say, and its pages."""
