"""What `helm test` runs: submits a task, and waits until a worker has completed it.

TASKPLANE_URL, KEY_FILE and IS_SECURE come from the chart.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

KEY_SECONDS = 180.0
WAIT_SECONDS = 60.0
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 10.0
ENDED = {"COMPLETED", "FAILED", "CANCELLED"}


def main() -> int:
    if not wait_for_key():
        print(
            "There is no API key: the bootstrap has not made one, as there were users. Make one "
            "with manage.py apikeys create, and name its Secret in tests.keySecret.",
            file=sys.stderr,
        )
        return 1
    try:
        task = call("/tasks", {"name": "helm test", "type": "noop", "payload": {}})
        give_up = time.monotonic() + WAIT_SECONDS
        while task["status"] not in ENDED and time.monotonic() < give_up:
            time.sleep(PAUSE_SECONDS)
            task = call(f"/tasks/{task['id']}")
    except urllib.error.HTTPError as error:
        print(f"The app answers {error.code}: {error.read(500)!r}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The app does not answer: {error}", file=sys.stderr)
        return 1
    print(f"Task {task['id']} is {task['status']}.")
    return 0 if task["status"] == "COMPLETED" else 1


def wait_for_key() -> bool:
    """The bootstrap may still be at work; the kubelet shows the key up to two minutes later."""
    give_up = time.monotonic() + KEY_SECONDS
    while not Path(os.environ["KEY_FILE"]).exists():
        if time.monotonic() > give_up:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def call(path: str, body: object = None) -> dict[str, Any]:
    """Raises OSError: the app does not answer, or refuses."""
    headers = {
        "Authorization": f"Bearer {Path(os.environ['KEY_FILE']).read_text().strip()}",
        "Content-Type": "application/json",
    }
    if os.environ["IS_SECURE"] == "true":
        headers["X-Forwarded-Proto"] = "https"  # as the proxy in front says it
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the chart's own address
        os.environ["TASKPLANE_URL"] + path, data=data, headers=headers
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
        found: dict[str, Any] = json.load(response)
    return found


if __name__ == "__main__":
    sys.exit(main())
