"""Pictures of the pages, from the seeded history: `scripts/screenshots` runs this, the suite does
not. PICTURES names some of the pages, separated by commas."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model

from controlplane.core.clock import now
from controlplane.live.coordination import WATCHED_MS
from scripts.demo.moving import move_on
from scripts.demo.seed import seed
from tests.browser.pages import PAGES, Case
from tests.browser.visitors import Visitors

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
# What is looked at, of the rows of a model.
ROWS: dict[str, dict[str, Any]] = {
    "tasks_app.Task": {"state": "FAILED", "type": "charge-card"},
    "tasks_app.Queue": {"name": "billing"},
    "workers.Node": {"state": "LOST"},
    "schedules.Schedule": {"name": "nightly-ledger-export"},
}
WHOLE = {"overview"}  # pages that are shown down to their end
NARROW = {"overview", "task", "tasks", "letters"}  # also on a phone


def find_row(model: str) -> Model | None:
    """The newest of the rows that are looked at."""
    found = apps.get_model(model)._default_manager.filter(**ROWS.get(model, {}))
    return found.order_by("-pk").first()


def choose() -> list[Case]:
    """The pages of the environment variable, otherwise all of whose rows the demo has one."""
    wanted = set(filter(None, os.environ.get("PICTURES", "").split(",")))
    found = [case for case in PAGES if not wanted or case.name in wanted]
    return [case for case in found if not case.row or find_row(case.row) is not None]


def test_take_pictures(visitors: Visitors) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    seed()
    visitors.guard.allowed.append("status of 40")  # pages that refuse are looked at, too
    before = now()
    user = get_user_model().objects.get(username="jonas.weber")
    for case in choose():
        at = now()
        move_on(before, at)
        before = at
        person = None if case.is_anonymous else user
        for theme, width in (("light", 1440), ("dark", 1440), ("light", 390)):
            if width == 1440 or case.name in NARROW:
                _take(visitors.page, person, case, theme, width)
    visitors.close()
    time.sleep(WATCHED_MS / 1_000 + 1)  # the rows are removed when nobody reads them any more


def _take(open_page: Callable[..., Any], person: Any, case: Case, theme: str, width: int) -> None:
    page = open_page(person, theme, width)
    address = case.url(find_row)
    if case.name == "overview":
        address += "?workspace=payments-eu"
    response = page.goto(address)
    assert response.status == case.status, case.name
    page.wait_for_load_state("load")
    page.wait_for_timeout(1_500)  # for the first live snapshot
    name = f"{case.name}-{theme}.png" if width == 1440 else f"{case.name}-phone.png"
    page.screenshot(path=FOLDER / name, full_page=case.name in WHOLE)
    page.close()
