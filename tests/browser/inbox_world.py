"""Six failures of different kinds, for the inbox."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from controlplane.core.clock import now
from controlplane.core.ids import uuid7
from dlq.grouping import GroupUpkeep
from dlq.models import DeadLetter, LetterGroup
from dlq.recording import fold_letter_counts
from tests.factories import make_error, make_letter

# By type: the error, and a payload.
FAILURES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "test-echo": (
        make_error("no answer from gateway within 30 s", name="GatewayTimeout", category="TIMEOUT"),
        {"gateway": "eu-1", "order": 47211, "amount": 1.2},
    ),
    "test-raise": (
        make_error("1.7 GiB used, 1.5 GiB allowed", name="MemoryLimitExceeded", function="render"),
        {"report": "monthly", "pages": 400},
    ),
    "test-report": (
        make_error("410 Gone from https://shop.example/hook", name="HTTPStatusError"),
        {"url": "https://shop.example/hook"},
    ),
    "noop": (
        make_error("connection unexpectedly closed", name="SMTPServerDisconnected"),
        {"to": "ada@example.org"},
    ),
    "test-wait": (
        make_error("amount must be greater than 0", name="ValidationError", category="VALIDATION"),
        {"amount": 0},
    ),
    "test-flaky": (make_error("'sku'", name="KeyError", function="read"), {"catalogue": 9}),
}


def keep_up() -> None:
    """What the dispatcher does every two seconds."""
    while fold_letter_counts():
        pass
    GroupUpkeep().run()


def seed_failures(sizes: Mapping[str, int]) -> dict[str, LetterGroup]:
    """Groups with these numbers of open letters, by task type."""
    for name, size in sizes.items():
        error, payload = FAILURES[name]
        letter = make_letter(error, type=name, name=f"the work of {name}", payload=payload)
        values = {field.attname: getattr(letter, field.attname) for field in letter._meta.fields}
        DeadLetter.objects.bulk_create(
            DeadLetter(**{**values, **_vary(payload, number), "id": uuid7(), "task_id": uuid7()})
            for number in range(1, size)
        )
    keep_up()
    return {group.type: group for group in LetterGroup.objects.filter(type__in=sizes)}


def _vary(payload: Mapping[str, Any], number: int) -> dict[str, Any]:
    at = now() - timedelta(seconds=17 * number % 3_000)
    return {"payload": {**payload, "number": number}, "died_at": at, "name": f"work {number}"}
