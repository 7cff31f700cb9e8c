"""The examples of the documentation are run, so that they stay true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tasks_app.processors import Fail, Snooze, registry
from tests.unit.processors.recording import RecordingContext

PAGE = Path(__file__).parents[3] / "docs" / "writing-a-processor.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_examples_register_processors_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_processors", {})
    names: dict[str, Any] = {"__name__": "shop.processors"}
    for block in blocks("python"):
        if "@processor" in block:
            exec(block, names)  # noqa: S102 - our own documentation

    invoice = registry.get("shop.invoice")
    context = RecordingContext()
    assert invoice.func(context, invoice.validate({"order_id": 7})) == {
        "orderId": 7,
        "currency": "EUR",
    }
    assert context.percents == [50]
    assert registry.get("shop.export").retry_rule(1, PermissionError()) is None
    assert registry.get("shop.ping").is_async
    with pytest.raises(Fail, match="nothing was paid"):
        registry.get("shop.refund").func(context, {"status": "unpaid"})
    with pytest.raises(Snooze):
        registry.get("shop.refund").func(context, {"status": "pending"})
    results = {context.task_id: {"amount": 2.5}}
    assert registry.get("shop.total").func(RecordingContext(results=results), {}) == {"total": 2.5}


def test_the_example_of_data_processing_works() -> None:
    found = registry.get("data-processing")
    payload = found.validate(json.loads(blocks("json")[0]))

    assert found.func(RecordingContext(), payload)["records"] == [{"country": "de", "revenue": 6}]


def test_every_shipped_processor_is_described() -> None:
    page = PAGE.read_text()
    shipped = [
        p.name for p in registry.all_processors() if p.func.__module__.startswith("tasks_app.")
    ]

    assert [name for name in shipped if f"`{name}`" not in page] == []
