"""Every test here may ask for the shipped processors."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tasks_app.processors import registry
from tests.unit.processors.webservice import Webservice, allow, serving

registry.discover()


@pytest.fixture
def service(settings: Settings) -> Iterator[Webservice]:
    with serving() as running:
        allow(settings, running.allowed)
        yield running
