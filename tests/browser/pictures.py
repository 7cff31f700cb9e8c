"""Pictures of the pages, from the seeded history: `scripts/screenshots` runs this, the suite does
not. PICTURES names some of the pages, separated by commas; PICTURES_FOLDER is where they go."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model
from PIL import Image

from controlplane.core.clock import now
from controlplane.live.coordination import WATCHED_MS
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.services import create_workspace
from scripts.demo.moving import move_on
from scripts.demo.seed import seed
from tests.browser.pages import PAGES, Case
from tests.browser.visitors import Visitors
from tests.engine import Engine

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
FOLDER = Path(os.environ.get("PICTURES_FOLDER") or IMAGES)
WORKSPACE = "payments-eu"
EXACT = 176  # colours of the 256 that a picture may have
KINDS = [
    (int(width), theme)
    for width, _, theme in (
        each.partition("-")
        for each in os.environ.get(
            "PICTURES_KINDS", "1440-light,1440-dark,390-light,390-dark"
        ).split(",")
    )
]


class Look(NamedTuple):
    """A page beside the usual ones; `row` says which of the rows it shows, `height` how much of a
    long list."""

    case: Case
    row: dict[str, Any]
    height: int = 10_000


# What is looked at, of the rows of a model.
ROWS: dict[str, dict[str, Any]] = {
    "tasks_app.Task": {"state": "FAILED", "type": "charge-card"},
    "tasks_app.Queue": {"name": "billing"},
    "workers.Node": {"state": "LOST"},
    "schedules.Schedule": {"name": "nightly-ledger-export"},
    "workflows.Workflow": {"name": "payout-settlement"},
    "workflows.WorkflowRun": {"state": "RUNNING"},
    "workspaces.AuditEvent": {"action": "dlq.discard"},
    "auth.User": {"username": "mira.okafor"},
}
TASK, NODE = "tasks_app.Task", "workers.Node"
LOOKS = [
    Look(Case("overview-empty", "index", query="?workspace=sandbox"), {}),
    Look(Case("tasks-none", "tasks_app_task_changelist", query="?search=nothing-like-it"), {}),
    Look(
        Case(
            "tasks-failed",
            "tasks_app_task_changelist",
            query=f"?status=FAILED&workspace={WORKSPACE}",
        ),
        {},
        height=1_000,
    ),
    *(
        Look(Case(f"task-{state.lower()}", "tasks_app_task_change", TASK), {"state": state})
        for state in ("PENDING", "RUNNING", "RETRYING", "SCHEDULED", "COMPLETED")
    ),
    Look(Case("task-survivor", "tasks_app_task_change", TASK), {"lost_count": 1}),
    Look(Case("task-of-run", "tasks_app_task_change", TASK), {"workflow_run_id__isnull": False}),
    Look(Case("node-active", "workers_node_change", NODE), {"state": "ACTIVE"}),
    Look(Case("node-stopped", "workers_node_change", NODE), {"state": "STOPPED"}),
    Look(
        Case("queue-calm", "tasks_app_queue_change", "tasks_app.Queue"),
        {"name": "email"},
    ),
    Look(
        Case("queue-paused", "tasks_app_queue_change", "tasks_app.Queue"),
        {"name": "media"},
    ),
    Look(
        Case("run-failed", "workflows_workflowrun_change", "workflows.WorkflowRun"),
        {"state": "FAILED"},
    ),
]


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The application, with the badge of an installation."""
    env = {**os.environ, "TASKPLANE_TEST_DATABASE": str(connection.settings_dict["NAME"])}
    engine = Engine(env, tmp_path_factory.mktemp("app"))
    try:
        yield engine.app(
            TASKPLANE_PROCESSORS="scripts.demo.types",
            TASKPLANE_ENVIRONMENT_NAME="production",
            TASKPLANE_LEASE_SECONDS="60",  # nobody reports while a picture is taken
        )
    finally:
        engine.end()


def find_row(model: str, row: dict[str, Any]) -> Model | None:
    """The newest of the rows that are looked at."""
    found = apps.get_model(model)._default_manager.filter(**(row or ROWS.get(model, {})))
    newest: Model | None = found.order_by("-pk").first()
    return newest


def choose() -> list[Look]:
    """The pages of the environment variable, otherwise all of whose rows the demo has one."""
    wanted = set(filter(None, os.environ.get("PICTURES", "").split(",")))
    looks = [*(Look(case, {}) for case in PAGES), *LOOKS]
    found = [look for look in looks if not wanted or look.case.name in wanted]
    return [each for each in found if not each.case.row or find_row(each.case.row, each.row)]


def test_take_pictures(visitors: Visitors) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    seed()
    create_workspace(slug="sandbox", name="Sandbox", actor=SYSTEM)
    visitors.guard.allowed.append("status of 40")  # pages that refuse are looked at, too
    before = now()
    user = get_user_model().objects.get(username="jonas.weber")
    for look in choose():
        person = None if look.case.is_anonymous else user
        for width, theme in KINDS:
            at = now()
            move_on(before, at)
            before = at
            _take(visitors.page, person, look, theme, width)
    visitors.close()
    time.sleep(WATCHED_MS / 1_000 + 1)  # the rows are removed when nobody reads them any more


def _take(open_page: Callable[..., Any], person: Any, look: Look, theme: str, width: int) -> None:
    case = look.case
    page = open_page(person, theme, width)
    address = case.url(lambda model: find_row(model, look.row))
    if case.name in ("overview", "performance"):
        address += f"?workspace={WORKSPACE}"
    response = page.goto(address)
    assert response.status == case.status, case.name
    page.wait_for_load_state("load")
    page.wait_for_timeout(1_200)  # for the first live snapshot
    height = page.evaluate("document.documentElement.scrollHeight")
    height = min(height, look.height)
    page.set_viewport_size({"width": width, "height": height})  # the sidebar is as high as it
    path = FOLDER / f"{case.name}-{width}-{theme}.png"
    page.screenshot(path=path)
    page.close()
    _shrink(path)


def _shrink(path: Path) -> None:
    """With a palette: the most frequent colours as they are, the others by their nearest."""
    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    counted: list[Any] = sorted(whole.getcolors(whole.width * whole.height) or [], reverse=True)
    exact = [channel for _, colour in counted[:EXACT] for channel in colour]
    rest = whole.quantize(256 - EXACT, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*exact, *rest][: 3 * 256])
    whole.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
