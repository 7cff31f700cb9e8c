"""Signals of a node. Its agent sends these; the tasks' receivers settle the leases."""

from django.dispatch import Signal

# Each agent pass, about four times a second. Arguments: runtime (Runtime), slots (list of Slot
# whose process lives).
agent_pass = Signal()

# A node was registered. Sent in the transaction that makes its row. Argument: node_id.
node_registered = Signal()

# A pool child is gone. Arguments: node_id, slot (its last words). A receiver that fails is called
# again at the next pass.
slot_lost = Signal()

# A node ended, in order or with its main process killed, and its agent has settled all its slots:
# what it still holds was never started. Sent in the transaction that ends it. Argument: node_id.
node_stopped = Signal()

# A node's heartbeat stood still for a lease period. Sent in the transaction that declares it lost.
# Argument: node_id.
node_lost = Signal()
