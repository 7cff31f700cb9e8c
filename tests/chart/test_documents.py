"""What is made from the chart is up to date."""

import yaml

from scripts.helm.documents import CHART, documents, schema
from scripts.helm.manifests import PLAIN, manifests
from scripts.helm.tools import ROOT
from scripts.helm.values import Values

MAKE = "run scripts/render-chart"
BY_HAND = {"kustomization.yaml", "namespace.yaml", "secret.example.yaml", "values.yaml"}


def test_the_documents_are_up_to_date() -> None:
    stale = [path.name for path, text in documents().items() if path.read_text() != text]
    assert stale == [], MAKE


def test_the_plain_manifests_are_up_to_date() -> None:
    wanted = manifests()
    stale = [path.name for path, text in wanted.items() if path.read_text() != text]
    assert stale == [], MAKE
    there = {path.name for path in PLAIN.glob("*.yaml")}
    assert there == BY_HAND | {path.name for path in wanted}


def test_the_values_are_what_is_declared() -> None:
    found = yaml.safe_load((CHART / "values.yaml").read_text())
    assert Values.model_validate(found) == Values()


def test_every_value_is_described_and_closed() -> None:
    found = schema()
    parts = {"Values": found, **found["$defs"]}
    undescribed = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, value in part["properties"].items()
        if key != "global" and not value.get("description")
    ]
    assert undescribed == []
    assert [name for name, part in parts.items() if part["additionalProperties"]] == []


def test_the_sets_of_values_are_six() -> None:
    assert {path.stem for path in (CHART / "ci").glob("*.yaml")} == {
        "airgapped", "external-database", "ha", "keda", "minimal", "tls",
    }  # fmt: skip


def test_the_chart_is_of_this_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'version = "{chart["appVersion"]}"' in (ROOT / "pyproject.toml").read_text()
