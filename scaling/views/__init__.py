"""The HTTP API of the fleet's size."""

from scaling.views.configuration import ConfigurationView
from scaling.views.events import EventsView, EventView
from scaling.views.manual import ReleaseView, ScaleView
from scaling.views.status import MetricView, StatusView

__all__ = [
    "ConfigurationView",
    "EventView",
    "EventsView",
    "MetricView",
    "ReleaseView",
    "ScaleView",
    "StatusView",
]
