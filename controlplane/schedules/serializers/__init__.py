"""JSON of schedules and their firings, in and out. The API calls them jobs and executions."""

from controlplane.schedules.serializers.executions import (
    ExecutionFilterSerializer,
    ExecutionSerializer,
)
from controlplane.schedules.serializers.jobs import (
    JobFilterSerializer,
    JobSerializer,
    represent_job,
)
from controlplane.schedules.serializers.preview import PreviewRequestSerializer, PreviewSerializer
from controlplane.schedules.serializers.requests import JobChangeSerializer, JobRequestSerializer

__all__ = [
    "ExecutionFilterSerializer",
    "ExecutionSerializer",
    "JobChangeSerializer",
    "JobFilterSerializer",
    "JobRequestSerializer",
    "JobSerializer",
    "PreviewRequestSerializer",
    "PreviewSerializer",
    "represent_job",
]
