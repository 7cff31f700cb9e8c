"""Tenants: workspaces, members and their roles, API keys, the audit log."""
