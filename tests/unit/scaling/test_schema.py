"""The configuration is declared once; everything that is not derived from it agrees with it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from scaling.schema import DAY_SECONDS, SETTINGS, Configuration, Setting, find_errors
from scaling.strategies import STRATEGIES, Settings

ROOT = Path(__file__).resolve().parents[3]
each_setting = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)


def documented(setting: Setting) -> str:
    """The row of docs/configuration.md."""
    default, allowed = f"{setting.default:g}" if setting.kind in (int, float) else "", ""
    if setting.choices:
        default = f"`{setting.default}`"
        allowed = ", ".join(f"`{each}`" for each in setting.choices)
    elif setting.kind is bool:
        default, allowed = str(setting.default).lower(), "true, false"
    else:
        allowed = f"{setting.minimum:,g} to {setting.maximum:,.10g}"
    meaning = setting.help[0].lower() + setting.help[1:].rstrip(".")
    return f"| `{setting.env}` | {default} | {allowed} | {meaning} |"


@each_setting
def test_the_documents_show_what_the_model_declares(setting: Setting) -> None:
    assert documented(setting) in (ROOT / "docs" / "configuration.md").read_text()
    shown = str(setting.default).lower() if setting.kind is bool else f"{setting.default}"
    example = f"#{setting.env}={shown.removesuffix('.0')}\n"
    assert example in (ROOT / ".env.example").read_text()


def test_the_default_strategy_and_its_names_are_those_of_the_registry() -> None:
    assert SETTINGS["strategy"].choices == tuple(STRATEGIES)


def test_no_other_file_declares_a_name_of_the_api() -> None:
    """`cooldownSeconds` and the like are aliases that pydantic derives; only the examples of
    `api` repeat some."""
    declared = [
        f"{path.relative_to(ROOT)}: {setting.api}"
        for package in ("scaling", "controlplane")
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts and path.name != "api.py"
        for setting in SETTINGS.values()
        if setting.api != setting.name and re.search(rf'"{setting.api}"', path.read_text())
    ]
    assert declared == []


def test_bounds_of_both_ends_hold_and_are_reported() -> None:
    for setting in SETTINGS.values():
        if setting.kind not in (int, float):
            continue
        for wrong in (setting.minimum, setting.maximum):
            assert wrong is not None
            value = setting.kind(wrong)
            step = 1 if setting.kind is int else 0.001
            outside = value - step if wrong == setting.minimum else value + step
            found = dict(find_errors({setting.name: outside}))
            assert found[setting.name] == f"It must be {setting.allowed}."
            assert setting.name not in dict(
                find_errors({**pair(setting, value), setting.name: value})
            )


def pair(setting: Setting, value: float) -> dict[str, float]:
    """The other value of a pair, so that they do not contradict each other."""
    upper = {each.not_above: each for each in SETTINGS.values() if each.not_above}
    if setting.not_above:
        return {setting.not_above: max(value, SETTINGS[setting.not_above].minimum or 0)}
    return {upper[setting.name].name: 0} if setting.name in upper else {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "60", True, DAY_SECONDS + 1])
def test_a_number_is_a_finite_number(value: object) -> None:
    assert dict(find_errors({"cooldown_seconds": value})) == {
        "cooldown_seconds": "It must be a number from 0 to 86,400."
    }


def test_every_error_is_found_at_once() -> None:
    errors = dict(find_errors({"min_workers": 11, "scale_down_threshold": 60, "colour": 1}))
    assert errors["min_workers"] == "It must not be above maxWorkers, which is 10."
    assert errors["scale_down_threshold"] == "It must not be above scaleUpThreshold, which is 50."
    assert errors["colour"].startswith("Unknown field; the fields are enabled, strategy, maxW")


def test_strategies_take_the_configuration_itself() -> None:
    assert issubclass(Settings, Configuration)
    settings = Settings(max_workers=3)
    assert (settings.max_workers, settings.cooldown_seconds) == (3, 60.0)
    with pytest.raises(ValidationError):
        settings.max_workers = 4  # type: ignore[misc] # frozen


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MIN_WORKERS": "5", "MAX_WORKERS": "3"}, "MIN_WORKERS is 5 and MAX_WORKERS is 3"),
        ({"SCALE_UP_COOLDOWN": "-1"}, "SCALE_UP_COOLDOWN is '-1'"),
        ({"AUTO_SCALING_STRATEGY": "magic"}, "AUTO_SCALING_STRATEGY is 'magic'"),
    ],
)
def test_the_environment_is_refused_by_the_same_rules(
    variables: dict[str, str], message: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import controlplane.settings.parts.scaling"],
        cwd=ROOT,
        env={**os.environ, **variables, "DJANGO_SETTINGS_MODULE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert message in ran.stderr
