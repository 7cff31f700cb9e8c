"""Values in the table that this version would not have written so."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

import tests.handlers  # noqa: F401 - registers test-echo
from dlq.models import DeadLetter
from tasks_app.models import Task
from tests.clients import default_workspace
from tests.exported import read_csv, read_ndjson, read_xlsx, texts_of
from tests.factories import make_letter, make_task
from tests.jsonvalues import is_same
from workflows.queries.outcomes import list_results

pytestmark = pytest.mark.django_db

# Whole floats as earlier versions stored them, and what they are read as.
OLD = {
    "1e20": ("100000000000000000000", 1e20),
    "-1e20": ("-100000000000000000000", -1e20),
    "2^63": ("9223372036854775808", float(2**63)),
    "1.8e19, which 64 bits without a sign can hold": ("18000000000000000000", 1.8e19),
    "1e308": (f"1{'0' * 308}", 1e308),
    "1e16, which 64 bits can hold": ("10000000000000000", 10**16),
    "beyond a double": (f"1{'0' * 400}", f"1{'0' * 400}"),
}
PARAMETERS = pytest.mark.parametrize(("stored", "value"), OLD.values(), ids=OLD.keys())


def store(table: str, row_id: Any, column: str, stored: str) -> None:
    with connection.cursor() as cursor:
        text = f'{{"x": {stored}, "l": [{stored}]}}'
        cursor.execute(f"UPDATE {table} SET {column} = %s::jsonb WHERE id = %s", [text, row_id])


@PARAMETERS
def test_old_rows_are_shown_and_exported(client: APIClient, stored: str, value: Any) -> None:
    task = make_task("COMPLETED", type="test-echo")
    for column in ("payload", "result"):
        store("tasks_app_task", task.id, column, stored)
    expected = {"x": value, "l": [value]}
    found = client.get(f"/tasks/{task.id}").json()
    listed = client.get("/tasks").json()["data"][0]
    exported = [
        read(b"".join(client.get(f"/tasks/export?format={name}").streaming_content))
        for name, read in {"csv": read_csv, "ndjson": read_ndjson, "xlsx": read_xlsx}.items()
    ]
    for shown in [found, listed, *(tasks[str(task.id)] for tasks in exported)]:
        assert is_same(shown["payload"], expected)
        assert is_same(shown["result"], expected)
    (result,) = list_results(default_workspace().id, [task.id])
    assert is_same(result, expected)


@PARAMETERS
def test_old_letters_are_reprocessed_with_the_payload_that_they_show(
    client: APIClient, stored: str, value: Any
) -> None:
    letter = make_letter(type="test-echo")
    store("dlq_deadletter", letter.id, "payload", stored)
    shown = client.get(f"/dlq/tasks/{letter.id}").json()["payload"]
    answer = client.post(f"/dlq/tasks/{letter.id}/reprocess", {"payload": shown}, format="json")
    assert answer.status_code == 202, answer.content
    task = Task.objects.get(id=answer.json()["reprocessedTaskId"])
    assert is_same(task.payload, {"x": value, "l": [value]})


def test_a_payload_of_large_floats_is_refused_before_it_is_as_long_as_postgres_prints_it(
    client: APIClient,
) -> None:
    for number in ("1e300", "1e-300"):
        body = f'{{"type": "test-echo", "payload": {{"l": [{",".join([number] * 2000)}]}}}}'
        answer = client.generic("POST", "/tasks", body, content_type="application/json")
        assert answer.status_code == 413
        assert "262144 bytes" in answer.json()["detail"]
        assert "1e300 and 1e-300 have about 300 each" in answer.json()["detail"]
    assert (
        client.post(
            "/tasks", {"type": "test-echo", "payload": {"l": [1e300, 1e-300] * 300}}, format="json"
        ).status_code
        == 201
    )


def test_a_zero_has_no_sign(client: APIClient) -> None:
    answer = client.generic(
        "POST", "/tasks", '{"type": "test-echo", "payload": {"x": -0.0}}',
        content_type="application/json",
    )  # fmt: skip
    assert b'"payload":{"x":0.0}' in answer.content
    assert b'"payload":{"x":0.0}' in client.get(f"/tasks/{answer.json()['id']}").content


def test_a_negative_result_is_a_number_in_csv(client: APIClient) -> None:
    task = make_task("COMPLETED", name="-1+1", result=-1.5)
    content = b"".join(client.get("/tasks/export?format=csv").streaming_content)
    assert read_csv(content)[str(task.id)]["result"] == -1.5
    assert b"'-1+1" in content


@pytest.mark.parametrize("text", ["x" * 40_000, "\U0001f600" * 20_000], ids=["ascii", "emoji"])
def test_a_cell_that_is_too_small_says_so(client: APIClient, text: str) -> None:
    make_task("COMPLETED", result=text)
    content = b"".join(client.get("/tasks/export?format=xlsx").streaming_content)
    (cell,) = [text for text in texts_of(content) if text.startswith('"')]
    assert cell.endswith(f"… (cut off: {len(text) + 2:,} characters in all)")
    # Half a pair of surrogates is no character.
    assert len(cell.encode("utf-16-le")) // 2 in (32_766, 32_767)


def test_letters_keep_kinds(client: APIClient) -> None:
    letter = make_letter(payload={"x": 1e20, "y": 10**18, "z": 1.0})
    assert is_same(DeadLetter.objects.get(id=letter.id).payload, {"x": 1e20, "y": 10**18, "z": 1.0})
