"""Submits tasks to a running installation at a steady rate, and checks that each ends exactly once.

    TASKPLANE_URL=http://… TASKPLANE_API_KEY=tp_… python scripts/steady_load.py --seconds 60

A submission that gets no answer, or 429 or 5xx, is sent again with the same idempotency key, as a
careful client does. SIGTERM ends the submissions early. The last line is the result as JSON; the
exit code is 1 when a task was lost or doubled. It uses only the standard library, so that it runs
in any container that has Python.
"""

import argparse
import collections
import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.parse
import uuid
from typing import Any

FINAL = ("COMPLETED", "FAILED", "CANCELLED")
# In turn: quick ones, one that is likely to be cut off by a roll-out, one that is often retried.
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("noop", {}),
    ("noop", {}),
    ("sleep", {"ms": 1_500}),
    ("flaky", {"failureRate": 0.3}),
)
RETRY = {"strategy": "fixed", "baseMs": 200}
RETRY_PAUSE_SECONDS = 0.2
GIVE_UP_SECONDS = 60


class Client:
    """One keep-alive connection, which is opened again when it breaks."""

    def __init__(self, address: str, key: str) -> None:
        parts = urllib.parse.urlsplit(address)
        is_secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=10)
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.repeated = 0

    def call(self, method: str, path: str, body: object = None, key: str = "") -> Any:
        """The answer. It repeats until there is one; RuntimeError after 60 seconds, or when the
        request itself is refused."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        sent = None if body is None else json.dumps(body)
        give_up = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                self._connection.request(method, self._prefix + path, sent, headers)
                answer = self._connection.getresponse()
                text = answer.read()
                if answer.status < 400:
                    return json.loads(text)
                problem = f"{answer.status}: {text[:300]!r}"
                if answer.status < 500 and answer.status != 429:
                    raise RuntimeError(f"{method} {path}: {problem}")
            except (http.client.HTTPException, OSError) as error:
                problem = repr(error)
                self._connection.close()
            if time.monotonic() > give_up:
                raise RuntimeError(f"{method} {path}: no answer for {GIVE_UP_SECONDS} s: {problem}")
            self.repeated += 1
            time.sleep(RETRY_PAUSE_SECONDS)


def submit(client: Client, run: str, seconds: float, rate: float) -> tuple[list[str], float]:
    """The ids of what was accepted, and the longest time that one submission took, in seconds."""
    ids, longest = [], 0.0
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    began = time.monotonic()
    while time.monotonic() - began < seconds and not stopped.is_set():
        kind, payload = KINDS[len(ids) % len(KINDS)]
        task = {"name": "steady load", "type": kind, "payload": payload, "tags": [run]}
        task |= {"maxAttempts": 20, "retry": RETRY}
        asked = time.monotonic()
        ids.append(client.call("POST", "/tasks", task, key=f"{run}-{len(ids)}")["id"])
        longest = max(longest, time.monotonic() - asked)
        stopped.wait(max(0.0, began + len(ids) / rate - time.monotonic()))
    return ids, longest


def wait_for_end(client: Client, ids: list[str], seconds: float) -> dict[str, Any]:
    """The tasks that have ended within the time, by id, with their attempts."""
    give_up = time.monotonic() + seconds
    waiting, ended = collections.deque(ids), {}
    while waiting and time.monotonic() < give_up:
        task = client.call("GET", f"/tasks/{waiting[0]}")
        if task["status"] in FINAL:
            ended[waiting.popleft()] = task
        else:
            time.sleep(0.2)
    return ended


def judge(ids: list[str], ended: dict[str, Any], stored: int) -> dict[str, int]:
    """Lost: accepted, and not completed. Doubled: completed by two attempts, or a row too many."""
    outcomes = {
        each: [attempt["outcome"] for attempt in task["attempts"]] for each, task in ended.items()
    }
    completed = [each for each, task in ended.items() if task["status"] == "COMPLETED"]
    again = [each for each in completed if outcomes[each].count("SUCCEEDED") != 1]
    return {
        "accepted": len(ids),
        "completed": len(completed),
        "lost": len(ids) - len(completed),
        "doubled": len(again) + max(0, stored - len(set(ids))),
        "handed_back": sum(found.count("INTERRUPTED") for found in outcomes.values()),
        "cut_off": sum(found.count("LOST") for found in outcomes.values()),
        "workers": len({a["workerNode"] for task in ended.values() for a in task["attempts"]}),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="how long to submit (default: 60)"
    )
    parser.add_argument("--rate", type=float, default=20, help="tasks a second (default: 20)")
    parser.add_argument(
        "--wait", type=float, default=180, help="seconds for the last ones to end (default: 180)"
    )
    return parser.parse_args()


def main() -> int:
    options = parse()
    missing = [name for name in ("TASKPLANE_URL", "TASKPLANE_API_KEY") if not os.environ.get(name)]
    if missing:
        print(f"steady_load: set {' and '.join(missing)}.", file=sys.stderr)
        return 2
    client = Client(os.environ["TASKPLANE_URL"], os.environ["TASKPLANE_API_KEY"])
    run = f"load-{uuid.uuid4().hex[:12]}"
    ids, longest = submit(client, run, options.seconds, options.rate)
    repeated = client.repeated
    print(f"{len(ids)} accepted; waiting for their end", flush=True)
    ended = wait_for_end(client, ids, options.wait)
    stored = client.call("GET", f"/tasks?tag={run}&limit=1")["total"]
    result = judge(ids, ended, stored)
    result |= {"requests_repeated": repeated, "longest_submission_ms": round(longest * 1000)}
    print(json.dumps(result))
    return 1 if result["lost"] or result["doubled"] else 0


if __name__ == "__main__":
    sys.exit(main())
