"""Fixtures for tests with real components."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.engine import Engine
from tests.standing import App, StandingEngine


@pytest.fixture
def engine(component_env: dict[str, str], tmp_path: Path) -> Iterator[Engine]:
    """Starts workers and dispatchers, and ends them after the test."""
    engine = Engine(component_env, tmp_path)
    yield engine
    engine.end()


@pytest.fixture(scope="session")
def standing(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[int], StandingEngine]]:
    """The engines that run as long as the tests do, by the number of slots of their worker."""
    started: dict[int, StandingEngine] = {}

    def get(concurrency: int) -> StandingEngine:
        if concurrency not in started:
            folder = tmp_path_factory.mktemp("standing")
            folder.chmod(0o755)
            started[concurrency] = StandingEngine(dict(os.environ), folder, concurrency=concurrency)
        return started[concurrency]

    yield get
    with django_db_blocker.unblock():
        for engine in started.values():
            engine.end()


@pytest.fixture
def running(
    transactional_db: None, standing: Callable[[int], StandingEngine]
) -> Iterator[StandingEngine]:
    """An engine that runs already, with four slots; it belongs to every such test, one by one."""
    yield from standing(4).lend()


@pytest.fixture
def single(
    transactional_db: None, standing: Callable[[int], StandingEngine]
) -> Iterator[StandingEngine]:
    """As `running`, with a single slot, in which one handler runs after the other."""
    yield from standing(1).lend()


@pytest.fixture(
    params=["uvicorn", pytest.param("daphne", marks=[pytest.mark.nightly, pytest.mark.ci])]
)
def app(running: StandingEngine, request: pytest.FixtureRequest) -> App:
    """The app service of `running`, under each of the two servers."""
    return running.app_under(request.param)
