"""The pages below the path prefix of a proxy: the real process, with the prefix in its settings."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.visitors import Visitors
from tests.clients import staff_user
from tests.engine import Engine

PREFIX = "/task/plane"


@pytest.fixture
def address(component_env: dict[str, str], tmp_path: Path) -> Iterator[str]:
    assert os.environ.get("TASKPLANE_PATH_PREFIX", "") == ""
    engine = Engine(component_env, tmp_path)
    try:
        yield engine.app(TASKPLANE_PATH_PREFIX=PREFIX)
    finally:
        engine.end()


@pytest.mark.parametrize("is_stripped", [False, True], ids=["kept", "stripped"])
def test_every_link_file_and_socket_is_below_the_prefix(
    browser: Any, address: str, is_stripped: bool
) -> None:
    visitors = Visitors(browser, address)
    page = visitors.page(staff_user("superuser"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    if is_stripped:
        page.route(f"**{PREFIX}/**", lambda route: route.fulfill(response=strip(page, route)))
    page.goto(f"{PREFIX}/admin/")
    expect(page.get_by_role("heading", name="Nothing has run here yet")).to_be_visible()
    expect(page.locator(".first-steps code.wrapped")).to_contain_text(f" {address}{PREFIX}/tasks")
    expect(page.locator("#live-status")).to_have_text("Live", timeout=20_000)
    links = list_addresses(page)
    page.goto(f"{PREFIX}/admin/tasks_app/queue/")
    page.get_by_role("navigation", name="Main", exact=True).get_by_text("Schedules").click()
    page.wait_for_url(f"**{PREFIX}/admin/schedules/schedule/")
    links += list_addresses(page)
    assert len(links) > 20
    assert [path for path in [*asked, *links] if not path.startswith(f"{PREFIX}/")] == []
    assert page.get_attribute("meta[name=taskplane-root]", "content") == f"{PREFIX}/"
    document = page.request.get(f"{PREFIX}/api/schema?format=json").json()
    assert document["servers"] == [{"url": PREFIX}]
    visitors.close()
    visitors.guard.check()


def list_addresses(page: Any) -> list[str]:
    """Those of the links and forms of the page."""
    found: list[str] = page.eval_on_selector_all(
        "a[href^='/'], form[action^='/']",
        "(all) => all.map((each) => each.getAttribute('href') ?? each.getAttribute('action'))",
    )
    return found


def strip(page: Any, route: Any) -> Any:
    """What a proxy that strips the prefix would get."""
    return page.context.request.fetch(
        route.request.url.replace(PREFIX, "", 1), headers=route.request.all_headers()
    )
