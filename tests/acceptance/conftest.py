"""Fixtures for tests with real components."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.engine import Engine
from tests.standing import App, StandingEngine
from tests.standing import engines as standing_engines


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
    """The engines that stand, by the number of slots of their worker."""
    standing_engines.prepare(tmp_path_factory, django_db_blocker)
    yield standing_engines.get
    standing_engines.end_all()


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


@pytest.fixture(params=["uvicorn", pytest.param("daphne", marks=pytest.mark.nightly)])
def app(running: StandingEngine, request: pytest.FixtureRequest) -> App:
    """The app service of `running`, under each of the two servers."""
    return running.app_under(request.param)
