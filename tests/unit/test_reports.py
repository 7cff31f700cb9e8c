"""What a handler may log: anything; what cannot be kept as it is becomes text."""

from uuid import uuid4

import orjson
import pytest

from controlplane.core.masking import mask_secrets
from tasks_app import failures
from tasks_app.execution.context import TaskContext
from tasks_app.rows import ClaimedRow
from workers.slots import Slot


@pytest.fixture
def context(tmp_path_factory: pytest.TempPathFactory) -> TaskContext:
    slot = Slot.create(tmp_path_factory.mktemp("slots"), pid=1, pid_born=0)
    claim = ClaimedRow(
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


def test_nothing_is_masked_but_what_is_kept(
    context: TaskContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that a record costs must not grow with the text of the error."""
    lengths: list[int] = []

    def measuring(text: str) -> str:
        lengths.append(len(text))
        return mask_secrets(text)

    monkeypatch.setattr(failures, "mask_secrets", measuring)
    error = ValueError("password=hunter2 " + "x" * 10_000_000)
    error.add_note("y" * 10_000_000)
    error.__cause__ = KeyError("z" * 10_000_000)
    record = failures.describe(error)
    context.log("l" * 10_000_000, field="f" * 10_000_000)
    assert len(lengths) == 4
    assert max(lengths) < 25_000
    assert record["message"].startswith("password=***")
    assert "hunter2" not in record["traceback"]
    assert len(record["traceback"]) <= 16_000


def test_a_secret_at_the_cut_is_masked() -> None:
    text = "a" * 1_990 + " password='" + "s" * 1_500 + "' end"
    assert "s" * 3 not in failures.keep_start(text, 2_000)
    assert "s" * 3 not in failures.keep_end("token=" + "s" * 3_000 + " " + "b" * 15_000, 16_000)


def test_the_name_of_an_error_is_bounded() -> None:
    record = failures.describe(type("E" * 100_000, (Exception,), {})("x"))
    assert len(record["class"]) == 200


def test_a_long_chain_of_causes_is_cut() -> None:
    error: BaseException | None = None
    for number in range(5_000):
        following = ValueError(f"link {number}")
        following.__context__ = error
        error = following
    assert error is not None
    failures.describe(error)
    links = 0
    while error is not None:
        links, error = links + 1, error.__context__
    assert links == 51
