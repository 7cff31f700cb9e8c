"""What an earlier operation changed can be selected again, for each verb of the apps."""

from controlplane.ops.operations.queries import find_items
from controlplane.workspaces.bulk.rows import register_origin

register_origin(find_items)
