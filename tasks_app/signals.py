"""Signals for the apps above. Receivers run inside the transaction that moved the tasks.

All are sent by `send`, so that a receiver that fails rolls back what it was sent: both exist or
neither. Common argument: `using` (the alias of the connection whose transaction is open).
"""

from django.dispatch import Signal

# Tasks that have used up all attempts. Argument: task_ids (list of UUID).
task_dead_lettered = Signal()

# Tasks that can no longer run, since a parent did not complete. Argument: task_ids (list of UUID).
task_cancelled_by_parent = Signal()

# Tasks whose work is done once more. Argument: pairs (list of (UUID, UUID)): the ended task and the
# one that repeats it, which is the same in an operator's retry. Optional argument: by (the label of
# the actor who asked for it).
task_reprocessed = Signal()

# Something is not as it should be, for people to hear of. Arguments: kind (a short name such as
# `dispatcher-away`), severity (`warning` or `critical`), message (a sentence), detail (JSON).
# Sent by `send_robust`, which logs a receiver that fails: an alert must not undo work. Without
# `using`: no transaction needs to be open.
alert_raised = Signal()
