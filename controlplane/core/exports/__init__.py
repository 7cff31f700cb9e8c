"""Rows of a list as a file: read in batches, represented as in the API, written while they are
read. `controlplane.workspaces.exporting` adds who may export what."""
