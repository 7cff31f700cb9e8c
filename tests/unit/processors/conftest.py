"""Every test here may ask for the shipped processors."""

from tasks_app.processors import registry

registry.discover()
