"""Every test here may ask for the shipped processors, and for those of the tests."""

import tests.handlers  # noqa: F401 - registers the test types
from tasks_app.processors import registry

registry.discover()
