"""The health check of every container: `python docker/healthcheck.py [COMPONENT]`.

Exit code 0 when the component works, 1 with one sentence when it does not. Without an argument it
is the component that process 1 runs. It uses only the standard library, as it runs every few
seconds in every container: starting Django would cost more than the component itself.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 4
# The longest turn of a loop is a call to Postgres, which its statement time-out ends.
PULSE_MAX_AGE_SECONDS = 45
# As in manage.py: the command, and the component that it runs.
COMMANDS = {
    "serve": "app",
    "worker": "worker",
    "dispatch": "dispatcher",
    "autoscale": "autoscaler",
}


def main(arguments: list[str]) -> int:
    component = arguments[0] if arguments else find_component()
    check = {"app": check_app, "worker": check_worker}.get(component)
    problem = check() if check else check_pulse(component)
    if problem:
        print(f"{component}: {problem}", file=sys.stderr)
    return 1 if problem else 0


def find_component() -> str:
    """The component of process 1, which may be an init that runs it."""
    words = Path("/proc/1/cmdline").read_text().split("\0")
    command = next((word for word in words if word in COMMANDS), None)
    if command is None:
        raise SystemExit(
            "Process 1 is no component of Taskplane: name app, worker, dispatcher or autoscaler."
        )
    return COMMANDS[command]


def check_app() -> str | None:
    """Ready: the database answers, and has the schema of this release."""
    return ask(os.environ.get("APP_SERVICE_PORT") or "3002", "/health/ready")


def check_worker() -> str | None:
    """Not down. A worker that stops or drains is healthy: nothing has to be done about it."""
    return ask(os.environ.get("WORKER_SERVICE_PORT") or "3003", "/health")


def ask(port: str, path: str) -> str | None:
    """What is wrong with the answer; None: nothing."""
    # By name, as the app answers only to the names in ALLOWED_HOSTS.
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Host": "localhost"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310 - as above
            return None
    except urllib.error.HTTPError as error:
        return f"{path} answers {error.code}: {describe(error.read(2_000))}"
    except OSError as error:
        return f"{path} does not answer: {error}"


def describe(body: bytes) -> str:
    """The parts that are not well, of an answer in JSON."""
    try:
        return json.dumps(json.loads(body))[:300]
    except ValueError:
        return "no JSON"


def check_pulse(component: str) -> str | None:
    """The loop turns: see controlplane/core/runtime/pulse.py."""
    home = os.environ.get("TASKPLANE_HOME") or ".taskplane"
    file = Path(home) / "run" / f"{component}.pulse"
    try:
        age = time.time() - file.stat().st_mtime
    except OSError as error:
        return f"its loop has not begun: {error}"
    if age > PULSE_MAX_AGE_SECONDS:
        return f"its loop has not turned for {age:.0f} s"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
