"""The files for Docker fit the settings, the scripts, the metrics, and one another."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
FILE: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = FILE["services"]
OURS = ("app", "worker", "dispatcher", "autoscaler")
OVERRIDES = (
    ROOT / "docker-compose.scale.yml",
    ROOT / "deploy" / "docker" / "autoscale.yml",
    ROOT / "deploy" / "docker" / "socket-proxy.yml",
)
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SETTINGS = set(re.findall(r"^\| `([A-Z_]+)` \|", CONFIGURATION, re.MULTILINE))
METRICS = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
SCRIPTS = sorted((ROOT / "scripts").glob("docker-*.sh"))
COMMANDS = [path for path in SCRIPTS if path.name != "docker-common.sh"]
ENV_FILE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.docker").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)


def variables(text: str) -> set[str]:
    """Those that compose fills in; `$$` is a dollar sign of the container's shell."""
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))


@pytest.mark.parametrize("service", OURS)
def test_each_of_our_components_is_confined_and_limited(service: str) -> None:
    found = SERVICES[service]
    assert found["read_only"]
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["init"]
    assert "healthcheck" not in found  # that of the image
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(found)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_each_service_has_limits_and_loses_capabilities(service: str) -> None:
    found = SERVICES[service]
    assert set(found["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert found["cap_drop"] == ["ALL"]
    image = found["image"]
    assert image.startswith("${TASKPLANE_IMAGE") or re.search(r":v?\d", image)


def test_only_pages_are_published_and_only_on_this_host() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert set(published) == {"app", "prometheus", "alertmanager", "grafana"}
    for ports in published.values():
        assert all(
            port.startswith(("127.0.0.1:", "${APP_SERVICE_BIND:-127.0.0.1}:")) for port in ports
        )
    assert FILE["networks"]["backend"] == {"internal": True}
    for name in ("postgres", "redis", "dispatcher", "autoscaler"):
        assert SERVICES[name]["networks"] == ["backend"]


@pytest.mark.parametrize("service", OURS)
def test_what_is_set_is_a_setting_and_no_secret(service: str) -> None:
    for name, value in SERVICES[service]["environment"].items():
        setting = name.removesuffix("_FILE")
        assert setting in SETTINGS, name
        if name.endswith("_FILE"):
            assert value == f"/run/secrets/{Path(value).name}"
            assert Path(value).name in SERVICES[service]["secrets"]
        assert not re.search("PASSWORD|SECRET|TOKEN", setting) or name.endswith("_FILE")


def test_a_worker_is_given_more_time_than_it_takes() -> None:
    grace, stop = ENV_FILE["SHUTDOWN_GRACE_SECONDS"], ENV_FILE["WORKER_STOP_GRACE"]
    assert int(stop.removesuffix("s")) >= int(grace) + 5


def test_the_env_file_has_only_what_is_used_and_everything_that_limits() -> None:
    used = variables(COMPOSE.read_text()).union(
        *(variables(path.read_text()) for path in OVERRIDES)
    )
    assert set(ENV_FILE) - used == set()
    assert {name for name in used if name.endswith(("_CPUS", "_MEMORY"))} <= set(ENV_FILE)
    assert not [name for name in ENV_FILE if re.search("PASSWORD|SECRET|TOKEN|KEY", name)]


@pytest.mark.parametrize("path", OVERRIDES, ids=lambda path: path.name)
def test_overrides_change_services_that_exist(path: Path) -> None:
    # Compose's own tags, such as `!reset`, have no meaning for the loader.
    text = re.sub(r"!reset ", "", path.read_text())
    changed = yaml.safe_load(text)["services"]
    assert {name for name in changed if "image" not in changed[name]} <= set(SERVICES)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True, timeout=30)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
@pytest.mark.parametrize("before", [[], ["worker"], ["3", "-x"]])
def test_scripts_explain_themselves_without_an_engine(path: Path, before: list[str]) -> None:
    found = subprocess.run(
        ["bash", path, *before, "--help"], capture_output=True, text=True, check=True, timeout=30
    )
    assert f"scripts/{path.name}" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 95
    assert "#" not in found.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["docker-build.sh", "--tag"], "docker-build.sh: --tag needs a value: see --help."),
        (["docker-start.sh", "--x"], "docker-start.sh: Unknown option --x: see --help."),
        (["docker-start.sh", "--workers", "-1"], "docker-start.sh: --workers needs a number"),
        (["docker-stop.sh", "--all"], "docker-stop.sh: Unknown option --all: see --help."),
        (["docker-scale.sh", "many"], "docker-scale.sh: One number is needed, from 0 to 9999"),
        (["docker-logs.sh", "--tail", "x"], "docker-logs.sh: --tail needs a number, or all."),
        (["docker-logs.sh"], "docker-logs.sh: Docker is not installed"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    # A folder with what the scripts use, and no engine
    for tool in ("bash", "sed", "tail", "dirname"):
        found = subprocess.run(["which", tool], capture_output=True, text=True, check=True)
        (tmp_path / tool).symlink_to(found.stdout.strip())
    script = ROOT / "scripts" / arguments[0]
    found = subprocess.run(
        ["bash", script, *arguments[1:]],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 2
    assert found.stderr.startswith(sentence)
    assert found.stderr.count("\n") == 1


def expressions() -> list[tuple[str, str]]:
    rules = yaml.safe_load((ROOT / "docker" / "prometheus" / "rules.yml").read_text())
    board = json.loads((ROOT / "docker" / "grafana" / "dashboards" / "taskplane.json").read_text())
    found = [(rule["alert"], rule["expr"]) for group in rules["groups"] for rule in group["rules"]]
    return found + [
        (panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]
    ]


@pytest.mark.parametrize(("title", "expression"), expressions())
def test_rules_and_panels_ask_for_metrics_that_exist(title: str, expression: str) -> None:
    names = set(re.findall(r"taskplane_[a-z_]+", expression)) - {"taskplane"}
    names = {re.sub(r"_bucket$", "", name) for name in names}
    ours = {name for name in names if not name.startswith("taskplane_node_")}
    assert all(f"`{name}`" in METRICS for name in ours), title
    assert names or "up{" in expression


def test_each_alert_of_the_documents_is_a_rule() -> None:
    table = METRICS.partition("| risk | alert |")[2].partition("\n\n")[0]
    documented = {
        re.sub(r"\s+", " ", row.split("`")[1].replace("\\|", "|"))
        for row in table.splitlines()
        if "`" in row
    }
    rules = {re.sub(r"\s+", " ", expression) for _, expression in expressions()}
    # Some rules add what a table has no room for: `or … == 0`, `sum by (type)`.
    missing = {
        each for each in documented if not any(each.split(" or ")[0] in rule for rule in rules)
    }
    assert missing - {'increase(taskplane_attempts_total{event="lost"}[10m]) > 0'} == set()
