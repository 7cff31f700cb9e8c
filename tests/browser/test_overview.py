"""The start page in a browser: it follows without a reload, and draws what the server drew."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.template import Context, Template
from playwright.sync_api import expect

from controlplane.core.admin.charts import Event, Frame, Objective, Series, draw_chart, draw_spark
from controlplane.core.clock import now
from dlq.models import DeadLetter
from tasks_app.models import QueueDescriptor
from tests.browser.axe import find_violations
from tests.clients import staff_user
from tests.factories import (
    make_job,
    make_leader,
    make_letter,
    make_node,
    make_queue,
    make_scaling_event,
    make_task,
)
from workers.models import Node
from workers.services import register_node

BEGIN = datetime(2026, 11, 27, 2, 17, tzinfo=UTC)
# The elements below another one: names, attributes in order, own texts.
SHAPE = """
const shape = (node) => [...node.querySelectorAll("*")].map((each) => [
    each.tagName,
    ...[...each.attributes].map((one) => `${one.name}=${one.value}`).sort(),
    each.childElementCount ? "" : each.textContent,
]);
const parse = (html) => new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
"""

LISTS = ("queues", "failures", "workers", "scaling", "schedules")
# The rows of a list: names, attributes in order, own texts. What follows the clock is left out.
ROWS = """(name) => {
    const leftOut = new Set(["data-tick"]);
    const parts = (node) => [...node.querySelectorAll("*")].filter((one) => !one.closest(".spark"));
    const words = (each) => each.dataset.cell === "oldest"
        ? each.textContent.trim().replace(/^\\d.*$/, "0")
        : each.textContent.trim().replace(/\\d+/g, "0");
    const shape = (node) => [node, ...parts(node)].map((each) => [
        each.tagName,
        ...[...each.attributes].filter((one) => !leftOut.has(one.name) && one.value !== "")
            .map((one) => `${one.name}=${one.value}`).sort(),
        each.childElementCount || each.tagName === "TIME" ? "" : words(each),
    ]);
    return [...document.querySelectorAll(`[data-list="${name}"] > *`)]
        .map((row) => JSON.stringify(shape(row)));
}"""


@pytest.fixture(autouse=True)
def _parses_markup(visitors):
    """Only the tests do."""
    visitors.guard.allowed.append("trusted-types-sink DOMParser")


def test_it_follows_without_a_reload(page_of):
    make_leader("dispatcher", seconds=600)
    make_node(heartbeat_at=now())
    make_task(queue="calm")
    page = page_of("viewer")
    page.goto("/admin/")
    waiting = page.locator('[data-live="overview#figures/rows/waiting/value"]')
    expect(waiting).to_have_text("1")
    late = make_task(queue="billing", created_at=now() - timedelta(minutes=6))
    make_letter(name="Charge order 17")
    expect(waiting).to_have_text("2", timeout=20_000)
    sentence = page.locator(".situation-what", has_text="misses its wait objective")
    expect(sentence).to_contain_text("billing", timeout=20_000)
    expect(page.locator("#panel-failures")).to_contain_text("Charge order 17", timeout=20_000)
    late.delete()
    gone = page.locator("#panel-situation li", has_text="billing")
    expect(gone).to_contain_text("well since", timeout=20_000)


def test_live_data_brings_no_sentence_that_the_person_may_not_open(visitors):
    user = staff_user("viewer")
    user.user_permissions.remove(*Permission.objects.filter(content_type__app_label="workers"))
    make_task(queue="calm")
    page = visitors.page(user)
    page.goto("/admin/")
    title = page.locator("#title-situation")
    expect(title).to_have_text("Nothing is wrong")
    make_task(queue="billing", created_at=now() - timedelta(minutes=6))
    expect(title).to_have_text("One thing is wrong", timeout=20_000)
    sentences = page.locator("#panel-situation li")
    expect(sentences).to_have_count(1)
    expect(sentences).to_contain_text("billing")
    count = page.locator(".navigation [data-count='wrong'] [data-sum]")
    expect(count).to_have_text("1", timeout=20_000)


def test_a_chart_has_an_equal_table(page_of):
    make_task()
    page = page_of("viewer")
    page.goto("/admin/?span=6h")
    panel = page.locator("#panel-waits")
    expect(panel.locator(".chart")).to_be_visible()
    panel.locator("summary").click()
    expect(panel.locator(".chart")).to_be_hidden()
    assert panel.locator("tbody tr").count() == 73


def test_the_checklist_is_accessible(page_of):
    page = page_of("viewer")
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="Nothing has run here yet")).to_be_visible()
    assert find_violations(page) == []


@pytest.fixture
def drawn():
    times = [BEGIN + timedelta(minutes=number) for number in range(61)]
    frame = Frame(
        times=times,
        zone=UTC,
        write=lambda value: f"{value:g} <s>",
        sentence='One "hour" & more.',
        events=[Event(times[20], "release"), Event(times[40], "lost")],
        objective=Objective(60, "objective", 0),
        is_logarithmic=True,
        has_labels=True,
    )
    values = [None if number % 13 == 0 else 1.5**number for number in range(61)]
    return draw_chart(
        frame,
        [
            Series("billing", values, tone="failed", style="bold", is_strong=True, has_area=True),
            Series("steps", [float(number // 9) for number in range(61)], is_stepped=True),
        ],
    )


def test_charts_are_drawn_again_as_the_server_drew_them(page_of, drawn):
    html = Template("{% load charts %}{% chart drawn 'x' %}").render(Context({"drawn": drawn}))
    page = page_of("viewer")
    page.goto("/admin/")
    server, browser = page.evaluate(
        "async ([html, data, address]) => {"
        + SHAPE
        + """
        const { drawChart } = await import(address);
        const chart = parse(html), server = shape(chart);
        for (const part of chart.children) part.replaceChildren();
        drawChart(chart, data);
        return [server, shape(chart)];
        }""",
        [html, drawn.to_json(), "/static/dashboard/charts.js"],
    )
    assert browser == server
    assert len(server) > 30


def test_lines_are_drawn_again_as_the_server_drew_them(page_of):
    spark = draw_spark([1, None, 3, 2], "Rose.", tone="failed", target=2)
    html = Template("{% load charts %}{% spark drawn 'x' %}").render(Context({"drawn": spark}))
    page = page_of("viewer")
    page.goto("/admin/")
    server, browser = page.evaluate(
        "async ([html, data, address]) => {"
        + SHAPE
        + """
        const { drawSpark } = await import(address);
        const svg = parse(html), server = shape(svg);
        svg.replaceChildren();
        drawSpark(svg, data);
        return [server, shape(svg)];
        }""",
        [html, spark.to_json(), "/static/dashboard/charts.js"],
    )
    assert browser == server


def describe_names():
    """A queue with a description, and a letter of a type that no node declares."""
    QueueDescriptor.objects.create(queue=make_queue("calm"), title="Mail", owner="the mail team")
    worker = {"worker": "vm", "host": "vm", "pid": 1, "queues": ["*"], "concurrency": 1}
    node = register_node(**worker, health_port=None, incarnation=uuid4())
    Node.objects.update(declares=Node.objects.get(pk=node).declares)
    DeadLetter.objects.update(type="forgotten")


def test_rows_are_built_as_the_server_drew_them(page_of):
    """Each list, after its rows were removed: the next message builds them again."""
    make_leader("dispatcher", seconds=600)
    slots = [{"slot": 7, "running": 1, "taskId": None, "startedAt": None}]
    make_node("alpha", heartbeat_at=now(), concurrency=4, running=1, slots=slots, cpu_percent=12.0)
    make_node("large", heartbeat_at=now(), concurrency=64)
    make_node("gone", state="LOST", stopped_at=now() - timedelta(minutes=5))
    make_queue("paused", paused_at=now())
    make_task(queue="calm")
    make_task(queue="billing", created_at=now() - timedelta(minutes=6))
    make_letter(name="Charge order 17")
    make_scaling_event(ago=5 * 86_400)
    make_scaling_event()
    make_job()
    describe_names()
    page = page_of("viewer")
    page.goto("/admin/")
    expect(page.locator("#live-status")).to_have_text("Live")
    expect(page.get_by_text("never declared")).to_have_count(1)
    server = {name: page.evaluate(ROWS, name) for name in LISTS}
    page.evaluate(
        "for (const list of document.querySelectorAll('[data-list]')) list.replaceChildren()"
    )
    make_task(queue="another")
    for name in LISTS:
        expect(page.locator(f"[data-list='{name}'] > *").first).to_be_visible()
        built = page.evaluate(ROWS, name)
        assert [row for row in built if "another" not in row] == server[name]


@contextmanager
def hidden_table(name: str) -> Iterator[None]:
    """Each statement that reads the table fails."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {name} RENAME TO hidden_{name}")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE hidden_{name} RENAME TO {name}")


def test_a_panel_that_cannot_be_read_looks_old_until_it_can(page_of):
    make_leader("dispatcher", seconds=600)
    make_task(queue="calm")
    page = page_of("viewer")
    page.goto("/admin/")
    expect(page.locator("#live-status")).to_have_text("Live")
    panel = page.locator("#panel-scaling")
    with hidden_table("scaling_scalingevent"):
        expect(panel).to_contain_text("cannot be read at the moment")
        expect(panel).to_have_class(re.compile(r"\bis-stale\b"))
        expect(page.locator("#panel-queues")).not_to_have_class(re.compile(r"\bis-stale\b"))
        expect(page.locator("#live-status")).to_have_text("Live")
    expect(panel).not_to_contain_text("cannot be read at the moment")
    expect(panel).not_to_have_class(re.compile(r"\bis-stale\b"))


def test_rows_come_and_are_put_in_order_when_nobody_stands_among_them(page_of):
    make_leader("dispatcher", seconds=600)
    node = make_node("alpha", heartbeat_at=now(), concurrency=4)
    make_task(queue="calm")
    page = page_of("viewer")
    page.goto("/admin/")
    expect(page.locator("#live-status")).to_have_text("Live")
    rows = page.locator("[data-list='queues'] > tr")
    rows.first.locator("a").focus()
    make_task(queue="billing", created_at=now() - timedelta(minutes=6))
    expect(page.locator(".situation-what", has_text="billing")).to_be_visible()
    assert rows.count() == 1
    hint = page.locator("#panel-queues").get_by_text("Newer rows wait until you leave this list")
    expect(hint).to_be_visible()
    page.locator("#theme-switch").focus()
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("billing")
    expect(hint).to_have_count(0)
    event = make_scaling_event()
    job = make_job("nightly")
    Node.objects.filter(id=node.id).update(running=3)
    expect(page.locator(f"[data-list='scaling'] > [data-key='{event.id}']")).to_be_visible()
    expect(page.locator(f"[data-list='schedules'] > [data-key='{job.id}']")).to_be_visible()
    picture = page.locator("[data-list='workers'] .slots")
    expect(picture).to_have_attribute("aria-label", "3 of 4 slots busy")
    assert picture.locator(".slot-busy").count() == 3
