"""Schedules in code: how they are found, and the warnings about broken ones."""

from pathlib import Path

import pytest
from pytest_django import Settings

from controlplane.ops.schedules import declarations
from controlplane.ops.schedules.declarations import check_declarations, discover
from tasks_app.processors import registry

DECLARES = """
from controlplane.ops.schedules.declarations import schedule

{}
"""
registry.discover()


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    discover()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(declarations, "_declared", dict(declarations._declared))
    monkeypatch.setattr(declarations, "_faults", {})
    return tmp_path


def declare(modules: Path, settings: Settings, name: str, *lines: str) -> None:
    (modules / f"{name}.py").write_text(DECLARES.format("\n".join(lines)))
    settings.TASKPLANE_SCHEDULES = [*settings.TASKPLANE_SCHEDULES, name]


def warnings() -> list[str]:
    return [f"{found.obj}: {found.msg}" for found in check_declarations(None)]


def test_the_shipped_ones() -> None:
    found = {each.name: each for each in discover()[0]}
    health, cleanup = found["System health check"], found["Clean-up"]
    assert health.code_name == "controlplane.ops.schedules.schedules:System health check"
    assert (health.values["schedule"], health.values["task_type"]) == (
        "*/5 * * * *",
        "health-check",
    )
    assert (cleanup.values["schedule"], cleanup.values["timezone"]) == ("0 2 * * *", "UTC")
    assert cleanup.values["enabled"] is True
    assert warnings() == []


def test_an_installed_app(modules: Path, settings: Settings) -> None:
    package = modules / "market_app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "schedules.py").write_text(
        DECLARES.format('schedule("Stock", "@daily", task_type="noop")')
    )
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "market_app"]
    names = [each.code_name for each in discover()[0]]
    assert "market_app.schedules:Stock" in names
    assert len(names) == len(set(names)) == len(discover()[0])


def test_the_hash_follows_every_value(modules: Path, settings: Settings) -> None:
    declare(
        modules,
        settings,
        "two_schedules",
        'schedule("one", "@daily", task_type="noop")',
        'schedule("two", "@daily", task_type="noop", payload={})',
    )
    one, two = (e for e in discover()[0] if e.module == "two_schedules")
    same = {**two.values, "name": "one"}
    again = declarations.Declaration(one.code_name, one.module, one.name, None, same)
    assert one.hash == again.hash
    for name, value in {"payload": {"a": 1}, "timezone": "Asia/Tokyo", "jitter_ms": 1}.items():
        other = {**one.values, name: value}
        changed = declarations.Declaration(one.code_name, one.module, one.name, None, other)
        assert changed.hash != one.hash
    named = declarations.Declaration(one.code_name, one.module, one.name, "a workflow", same)
    assert named.hash != one.hash


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('schedule("x", "61 * * * *", task_type="noop")', "61"),
        ('schedule("x", "@daily", task_type="noop", timezone="Mars")', "no time zone 'Mars'"),
        ('schedule("x", "@daily", task_type="noob")', "Did you mean 'noop'?"),
        ('schedule("x", "@daily", task_type="sleep", payload={"ms": "x"})', "payload.ms: "),
        ('schedule("x", "@daily")', "Give either"),
        ('schedule("x", "@daily", task_type="noop", workflow="w")', "Give either"),
        ('schedule("x", "@daily", task_type="noop", overlap="twice")', "not 'twice'"),
        ('schedule("x", 5, task_type="noop")', "must be strings"),
        (f'schedule("{"x" * 200}", "@daily", task_type="noop")', "more than 200"),
        (
            'schedule("x", "@daily", task_type="noop");schedule("x", "@hourly", task_type="noop")',
            "declared twice",
        ),
        ("import no_such_library", "ModuleNotFoundError"),
        ('schedule("x")', "TypeError"),
    ],
)
def test_what_is_wrong_is_a_warning_that_names_the_place(
    modules: Path, settings: Settings, request: pytest.FixtureRequest, line: str, says: str
) -> None:
    name = f"wrong_schedules_{abs(hash(request.node.name))}"
    declare(modules, settings, name, line)
    (sentence,) = warnings()
    assert sentence.startswith(name)
    assert says in sentence
    # The others are still there.
    assert "Clean-up" in [each.name for each in discover()[0]]


def test_a_module_that_was_fixed_is_no_fault_any_more(modules: Path, settings: Settings) -> None:
    declare(modules, settings, "fixed_schedules", "1 / 0")
    assert len(discover()[1]) == 1
    (modules / "fixed_schedules.py").write_text("fine = True")
    assert discover()[1] == []
