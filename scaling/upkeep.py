"""What the dispatcher does for the autoscaler."""

from scaling.retention import prune_events
from tasks_app.services import register_pruner

register_pruner("scalingEvents", prune_events)
