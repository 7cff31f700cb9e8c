"""A process that a handler forks ends at SIGTERM, as `multiprocessing` expects of its workers: it
does not have the pool child's handler of that signal, whose exception is lost during a fork."""

import subprocess
import sys
from textwrap import dedent

import pytest

# The pool child's own handler raises. The signal arrives while hooks of the fork run, before ours
# or after it: what they raise is only printed.
_SCRIPT = """
import os, signal, sys, threading, time
from tasks_app.execution.isolation import forks

signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))

def end_itself():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0)

def fork():
    child = os.fork()
    if not child:
        time.sleep(5)
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))

{hooks}
{start}
"""
_KILL = "os.register_at_fork(after_in_child=end_itself)"
_OURS = "forks.in_child(lambda: None)"
_IN_THREAD = "thread = threading.Thread(target=fork); thread.start(); thread.join()"


def run(*hooks: str, start: str = "fork()") -> list[str]:
    script = dedent(_SCRIPT).format(hooks="\n".join(hooks), start=start)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("hooks", [(_KILL, _OURS), (_OURS, _KILL)], ids=["before", "after"])
@pytest.mark.parametrize("start", ["fork()", _IN_THREAD], ids=["main", "thread"])
def test_a_forked_child_that_is_terminated_at_once_ends(hooks: tuple[str, ...], start: str) -> None:
    assert run(*hooks, start=start) == ["-15", "False"]


def test_a_handler_of_the_authors_own_is_inherited() -> None:
    own = "signal.signal(signal.SIGTERM, lambda *_: os._exit(9))"
    kill_later = "time.sleep = lambda _: end_itself()"
    assert run(_OURS, own, kill_later) == ["9", "False"]
