"""What a handler may log: anything; what cannot be kept as it is becomes text."""

from uuid import uuid4

import orjson
import pytest

from tasks_app.execution.context import TaskContext
from tasks_app.execution.failures import mask_secrets
from tasks_app.rows import Claimed
from workers.slots import Slot


@pytest.fixture
def context(tmp_path_factory: pytest.TempPathFactory) -> TaskContext:
    slot = Slot.create(tmp_path_factory.mktemp("slots"), pid=1, pid_born=0)
    claim = Claimed(
        *(uuid4(), uuid4(), 1, uuid4(), "noop", "noop", "{}", 1, 3, 3, 0, 1000, None, 0, None, 0.0)
    )
    return TaskContext(claim, queue="default", slot=slot, index=0)


@pytest.mark.parametrize(
    "value",
    ["\ud800", 2**80, float("nan"), "x" * 20_000, {1: "a key that is no text"}, object()],
)
def test_fields_that_are_no_json_are_kept_as_text(context: TaskContext, value: object) -> None:
    context.log("line", value=value)
    ((_, _, message, fields),) = context.take_logs()
    assert message == "line"
    assert len(fields) < 20_000
    kept = orjson.loads(fields)
    assert set(kept) in ({"value"}, {"text"})
    assert "\\u0000" not in fields


def test_secrets_are_masked_also_where_the_fields_are_kept_as_text(context: TaskContext) -> None:
    context.log("line", password="hunter2", big=2**80)
    ((_, _, _, fields),) = context.take_logs()
    assert "hunter2" not in fields


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "my_db_password: hunter2",
        "Authorization: Bearer hunter2hunter2",
        "redis://user:hunter2@host/0",
        "postgres+psycopg://user:hunter2@host/db",
        "password='two, words hunter2'",
        '{"password": "two words hunter2", "n": 1}',
        "{'password': b'hunter2'}",
        r"secret = 'it\'s hunter2'",
        r"body: {\"api_key\": \"two hunter2\"}",
        '{"tokens": ["one", "hunter2"]}',
        '{"credentials":{"user":"ada","value":"hunter2"}}',
        '"Authorization": "Bearer hunter2"',
        "passphrase=hunter2",
        "PRIVATE_KEY=hunter2",
        "Set-Cookie: sid=hunter2; Path=/",
    ],
)
def test_credentials_are_masked(text: str) -> None:
    assert "hunter2" not in mask_secrets(f"before {text} after")


def test_what_stands_beside_a_credential_is_kept() -> None:
    text = "user='ada' password='two words' host=\"db\" token: abc) after"
    assert mask_secrets(text) == "user='ada' password='***' host=\"db\" token: ***) after"


@pytest.mark.parametrize(
    "piece",
    [
        "token='",
        'token="x',
        "token=(",
        r"token=\"",
        "x",
        "a.",
        "token-",
        "password ",
        "://",
        "bearer ",
    ],
)
def test_masking_stays_cheap_for_long_texts(piece: str) -> None:
    """A pattern that looks back over the whole text would take minutes here."""
    text = piece * (1_000_000 // len(piece))
    assert len(mask_secrets(text)) > 0
