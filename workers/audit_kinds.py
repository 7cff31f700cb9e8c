"""Nodes in the audit log."""

from controlplane.workspaces.audit.kinds import Kind, read_number, register
from workers.models import Node

register(
    Kind(
        target="node",
        noun="node",
        plural="nodes",
        icon="workers",
        page="workers_node",
        rows=Node.objects.all,
        label="name",
        belongs="",
        read=read_number,
        verbs={"node.drain": "drained"},
    )
)
