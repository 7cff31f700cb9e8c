"""Programs that start servers or install something: how they begin, and that they end cleanly."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controlplane import embedded
from scripts.upgrade import __main__ as rehearse_upgrade
from scripts.upgrade.releases import ROOT, RehearsalError

VERIFY = ROOT / "scripts" / "verify-kubernetes"

# Answers as kubectl does where the namespace exists, and notes what it was asked.
CLUSTER = """#!/bin/sh
echo "$*" >> {notes}
case "$*" in
*"get namespace"*) {namespace} ;;
*" install "*) exec sleep 60 ;;
esac
"""


def make_cluster(folder: Path, *, namespace: str) -> tuple[list[str], Path]:
    program, notes = folder / "cluster", folder / "notes"
    program.write_text(CLUSTER.format(notes=notes, namespace=namespace))
    program.chmod(0o755)
    command = [sys.executable, str(VERIFY), "--image", "x:1"]
    return [*command, "--kubectl", str(program), "--helm", str(program)], notes


def test_a_namespace_that_exists_is_not_used_and_not_deleted(tmp_path: Path) -> None:
    command, notes = make_cluster(tmp_path, namespace="echo namespace/taskplane-verify")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "The namespace taskplane-verify exists" in done.stderr
    assert notes.read_text().splitlines() == [
        "get namespace taskplane-verify --ignore-not-found -o name"
    ]


def test_sigterm_removes_what_was_installed(tmp_path: Path) -> None:
    command, notes = make_cluster(tmp_path, namespace=":")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    give_up = time.monotonic() + 30
    while not (notes.exists() and " install " in notes.read_text()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert "delete namespace taskplane-verify" in notes.read_text()


def test_sigterm_ends_a_rehearsal_as_an_exit_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        rehearse_upgrade.end_cleanly()
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_servers_that_do_not_start_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise embedded.EmbeddedError("No room.")

    monkeypatch.setattr(embedded, "ensure_valkey", fail)
    with pytest.raises(RehearsalError, match=r"The servers do not start: No room\."):
        rehearse_upgrade.start_servers(tmp_path)
