"""What the tasks tell upward. Receivers run inside the transaction that moved the tasks."""

from django.dispatch import Signal

# Tasks that have used up all attempts. Sent by `send`, so that a receiver that fails undoes the
# death itself: the dead letter and the FAILED row exist both or neither.
# Arguments: task_ids (list of UUID), using (the alias of the connection whose transaction is open).
task_died = Signal()
