"""A random walk over the real pages, on a desk and on a phone, of somebody who may do everything
and of somebody who may only look, while tasks come and go."""

import os
import time
from collections.abc import Callable, Iterator
from random import Random, SystemRandom
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.explorer import Explorer
from tests.browser.pages import PAGES
from tests.browser.visitors import Visitors
from tests.browser.writer import writing
from tests.clients import staff_user
from tests.integration.admin.world import World

pytestmark = pytest.mark.django_db(databases="__all__")

# A walk takes as long, or until it has visited its pages; two minutes in all.
SECONDS = float(os.environ.get("EXPLORE_SECONDS", "30"))
_WALKS = [("superuser", 1440), ("superuser", 390), ("viewer", 1440), ("viewer", 390)]
_GONE = ("Element is not attached to the DOM", "Execution context was destroyed")
# Rounds in which a walk looks at what chance has left out.
_MAKE_UPS = 5
_STARTS = ["admin:index", "admin:tasks_app_task_changelist", "admin:tasks_app_queue_changelist"]


class Scene:
    """The seeded world, the addresses of its pages, and people who are logged in."""

    def __init__(self, visitors: Visitors) -> None:
        world = World()
        self.visitors = visitors
        self.people = {role: staff_user(role) for role in ("superuser", "viewer")}
        for person in self.people.values():
            visitors.log_in(person)
        cases = [case for case in PAGES if case.status == 200 and not case.is_anonymous]
        self.addresses = [case.url(world.row) for case in cases]

    def tour(self, seed: int, role: str, width: int) -> list[str]:
        """The pages that a walk visits for certain: together the walks visit all of them."""
        shuffled = Random(seed).sample(self.addresses, len(self.addresses))
        return shuffled[_WALKS.index((role, width)) :: len(_WALKS)]


@pytest.fixture(scope="module")
def scene(browser: Any, server: str, committed_rows: None) -> Iterator[Scene]:
    visitors = Visitors(browser, server)
    # A refused page is not a fault of the page that leads to it.
    visitors.guard.allowed = ["the server responded with a status of 4"]
    yield Scene(visitors)
    visitors.close()


@pytest.mark.parametrize(("role", "width"), _WALKS)
def test_nothing_breaks(scene: Scene, role: str, width: int) -> None:
    seed = int(os.environ.get("EXPLORE_SEED", SystemRandom().randrange(2**32)))
    print(f"EXPLORE_SEED={seed}")
    page = scene.visitors.page(scene.people[role], "light", width)
    page.set_default_timeout(5_000)
    tour = scene.tour(seed, role, width)
    with writing() as writer:
        explorer = Explorer(page, Random(seed), scene.addresses, tour, writer)
        page.goto(reverse(Random(seed).choice(_STARTS)))
        until = time.monotonic() + SECONDS
        while time.monotonic() < until or explorer.tour:
            take(scene, explorer, explorer.step)
        for _ in range(_MAKE_UPS):
            if explorer.lacking:
                take(scene, explorer, explorer.make_up)
    print(dict(explorer.looked))
    assert len(explorer.history) > SECONDS / 5, "the walk stood still"
    assert not explorer.lacking, f"looked at too rarely: {explorer.lacking}, {explorer.looked}"


def take(scene: Scene, explorer: Explorer, steps: Callable[[], None]) -> None:
    """Steps of a walk, after which the browser has seen no fault."""
    try:
        steps()
    except PlaywrightError as error:
        is_gone = any(text in str(error) for text in _GONE)
        if not is_gone and not isinstance(error, PlaywrightTimeout):
            raise
        # What was chosen, or its page, is gone or covered by now: the next move is another.
        explorer.history.append("it was gone, or took too long")
    scene.visitors.guard.check()
