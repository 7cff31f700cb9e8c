"""The docker back-end against an Engine API over HTTP, and a real engine if one is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleets.contract import FleetContract
from tests.fleets.docker_world import REAL_HOST, LocalWorld, RealWorld


class TestDockerFleet(FleetContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[LocalWorld]:
        world = LocalWorld(tmp_path)
        world.add()
        yield world
        world.close()


@pytest.mark.skipif(not REAL_HOST, reason="TEST_DOCKER_HOST names no engine")
class TestRealEngine(FleetContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[RealWorld]:
        world = RealWorld(tmp_path)
        world.add()
        yield world
        world.close()
