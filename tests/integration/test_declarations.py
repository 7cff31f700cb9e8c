"""Nodes declare their processors: published once for the same code, compared, and remembered."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pydantic import BaseModel, Field
from rest_framework.test import APIClient

from controlplane.core.clock import now
from tasks_app.models import DeclaredSet, TypeDeclaration
from tasks_app.processors import registry
from tasks_app.processors.declarations import declare, digest_of
from tasks_app.queries.declarations import TypeView, list_all_types, read_catalogue
from tasks_app.services.declarations import KEPT, prune_declarations
from tasks_app.typewords import TypeState, find_badge, find_state, list_differences
from tests.factories import make_node
from workers.models import Node
from workers.services import register_node, stop_node

pytestmark = pytest.mark.django_db
NAME = "shop.invoice"


@pytest.fixture
def code() -> Iterator[Any]:
    """Registers another version of the type, as another release of the code would."""
    before = dict(registry._processors)

    def release(**options: Any) -> None:
        registry._processors.pop(NAME, None)
        if options:

            @registry.processor(NAME, **options)
            def make_invoice(ctx: object, payload: object) -> None:
                """Make the invoice of an order.

                More for programmers.
                """

    yield release
    registry._processors.clear()
    registry._processors.update(before)


def start(name: str = "vm") -> Node:
    node_id = register_node(
        worker=name, host=name, pid=1, queues=["*"], concurrency=1, health_port=None,
        incarnation=uuid4(),
    )  # fmt: skip
    return Node.objects.get(id=node_id)


def view() -> TypeView:
    return read_catalogue().get(NAME)


def test_the_same_code_is_written_once(code: Any) -> None:
    code(title="Invoice", owner="payments", runbook="https://wiki.example/invoice")
    first = start()
    rows = TypeDeclaration.objects.count()
    with CaptureQueriesContext(
        connection,
    ) as seen:
        second = start("other")
    assert first.declares == second.declares != ""
    assert (TypeDeclaration.objects.count(), DeclaredSet.objects.count()) == (rows, 1)
    written = [each["sql"] for each in seen if "typedeclaration" in each["sql"]]
    assert written == []
    code(title="Invoice", owner="payments", runbook="https://wiki.example/invoice", max_attempts=9)
    start()
    assert TypeDeclaration.objects.count() == rows + 1


def test_a_page_reads_it_in_one_statement(code: Any) -> None:
    code(title="Invoice")
    start()
    assert view().descriptor.title == "Invoice"
    with CaptureQueriesContext(connection) as seen:
        catalogue = read_catalogue()
        found = {catalogue.get(name).descriptor for name in catalogue.names}
    assert (len(seen), len(found) > 5) == (1, True)


def test_what_the_docstring_and_the_decorator_say(code: Any) -> None:
    code(title="Invoice", owner="payments")
    start()
    descriptor = view().descriptor
    assert (descriptor.title, descriptor.owner) == ("Invoice", "payments")
    assert descriptor.description == "Make the invoice of an order."


def test_nodes_that_disagree_are_named_with_what_differs(code: Any) -> None:
    class Payload(BaseModel):
        order: int = Field(ge=1)

    code(title="Invoice", timeout_seconds=30, max_attempts=3)
    old = start("old")
    code(title="Invoice", timeout_seconds=60, max_attempts=5, payload=Payload)
    new = start("new")
    found = view()
    assert find_state(found) == TypeState.DISAGREED
    badge = find_badge(found)
    assert badge is not None
    assert badge.words == "nodes disagree"
    for words in ("time-out", "retries", "payload schema", old.name, new.name):
        assert words in badge.sentence
    assert "title" not in badge.sentence
    timeout = next(each for each in list_differences(found.variants) if each.part == "time-out")
    assert [(words, [node.name for node in nodes]) for words, nodes in timeout.values] == [
        ("1 min", [new.name]), ("30 s", [old.name]),
    ]  # fmt: skip
    # A drained node that has ended is not asked.
    stop_node(old.id)
    assert find_badge(view()) is None


def test_a_type_that_no_live_node_declares_says_since_when(code: Any) -> None:
    code(title="Invoice", owner="payments")
    first = start()
    stop_node(first.id)
    assert find_state(view()) == TypeState.UNJUDGED  # no node is alive
    code()
    start()
    found = view()
    assert find_state(found) == TypeState.GONE
    assert found.descriptor.owner == "payments"
    assert found.since is not None
    assert now() - found.since < timedelta(minutes=1)
    assert NAME in [each.name for each in list_all_types(with_internal=False)]
    Node.objects.all().delete()  # the memory does not depend on the node's row
    start()
    assert find_state(view()) == TypeState.GONE


def test_a_type_that_was_never_declared(code: Any) -> None:
    start()
    assert find_state(read_catalogue().get("nobody.knows")) == TypeState.UNKNOWN
    # A node of an earlier version of Taskplane does not say what it declares.
    make_node("older")
    assert find_state(read_catalogue().get("nobody.knows")) == TypeState.UNJUDGED


def test_declarations_of_a_year_ago_are_removed(code: Any) -> None:
    code(title="Invoice")
    node = start()
    stop_node(node.id)
    code(title="Invoice 2")
    start()
    DeclaredSet.objects.update(last_declared_at=now() - 2 * KEPT)
    TypeDeclaration.objects.update(last_declared_at=now() - 2 * KEPT)
    assert prune_declarations(1_000) == 2  # the set of the ended node, and what only it had
    assert [each.descriptor.title for each in (view(),)] == ["Invoice 2"]
    assert prune_declarations(1_000) == 0


def test_hostile_declarations_are_refused_or_stored(code: Any) -> None:
    for options in (
        {"runbook": "javascript:alert(1)"},
        {"runbook": "https://user:secret@wiki.example/"},
        {"runbook": "https:///nowhere"},
        {"title": "two\nlines"},
        {"owner": "x" * 101},
    ):
        with pytest.raises(ImproperlyConfigured, match=next(iter(options))):
            code(**options)

    class Payload(BaseModel):
        """A model\x00 with what Postgres cannot hold."""

        names: set[str] = {"b", "a", "c"}
        number: int = 2**70

    code(description="NUL\x00 and \ud800", payload=Payload)
    start()
    assert view().descriptor.description == "NUL\\u0000 and \\ud800"
    schema = view().variants[0].declaration.payload_schema
    assert schema["properties"]["names"]["default"] == ["a", "b", "c"]


def test_the_digest_does_not_depend_on_the_process(code: Any) -> None:
    code(title="Invoice")
    one = digest_of(declare(registry.get(NAME)))
    code(title="Invoice")
    assert digest_of(declare(registry.get(NAME))) == one


def test_the_api(viewer: APIClient, code: Any) -> None:
    code(title="Invoice", owner="payments", runbook="https://wiki.example/invoice")
    node = start()
    body = viewer.get(f"/task-types/{NAME}").json()
    assert (body["title"], body["owner"]) == ("Invoice", "payments")
    assert (body["status"], body["declaredBy"]) == ("DECLARED", [node.name])
    assert (body["runbook"], body["sentence"]) == ("https://wiki.example/invoice", None)
    listed = {each["type"]: each for each in viewer.get("/task-types?limit=200").json()["data"]}
    assert listed[NAME]["nodes"] == 1
    assert viewer.get("/task-types/nobody.knows").status_code == 404
