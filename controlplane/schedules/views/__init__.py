"""The HTTP API of schedules."""

from controlplane.schedules.views.executions import ExecutionsView, TriggerView
from controlplane.schedules.views.jobs import JobsView, JobView
from controlplane.schedules.views.preview import PreviewView

__all__ = ["ExecutionsView", "JobView", "JobsView", "PreviewView", "TriggerView"]
