"""Checks that end in time, whatever they check."""

import threading
import time

from controlplane.ops.health.probes import Probe


def explain(error: Exception) -> str:
    return f"It reported {error}."


def test_what_works_is_up_and_timed() -> None:
    finding = Probe(lambda: time.sleep(0.02), explain=explain).finding()
    assert finding.is_up
    assert finding.latency_ms is not None
    assert finding.latency_ms >= 20


def test_what_fails_is_down_with_a_reason() -> None:
    def fail() -> None:
        raise OSError("no")

    finding = Probe(fail, explain=explain).finding()
    assert not finding.is_up
    assert finding.detail == "It reported no."


def test_what_hangs_is_down_in_time_and_asked_by_one_thread_only() -> None:
    release, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        release.wait(10)

    probe = Probe(hang, explain=explain, limit_seconds=0.2, remember_seconds=0)
    started = time.monotonic()
    assert probe.finding().detail == "No answer within 0.2 seconds."
    for _ in range(20):
        # It hangs since longer than the limit: nobody waits for it again.
        assert not probe.finding().is_up
    assert time.monotonic() - started < 3  # each in turn would wait 4 s
    assert calls == [1]
    release.set()
    deadline = time.monotonic() + 5
    while not probe.finding().is_up:
        assert time.monotonic() < deadline


def test_a_finding_is_remembered_for_a_moment() -> None:
    calls: list[int] = []
    probe = Probe(lambda: calls.append(1), explain=explain, remember_seconds=0.2)
    for _ in range(10):
        assert probe.finding().is_up
    assert calls == [1]
    time.sleep(0.25)
    probe.finding()
    assert calls == [1, 1]


def test_many_who_ask_at_once_cause_one_check() -> None:
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        time.sleep(0.1)

    probe = Probe(check, explain=explain)
    threads = [threading.Thread(target=probe.finding) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert calls == [1]
