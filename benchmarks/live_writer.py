"""The other side of `benchmarks.live`: `prepare N` makes the tables and N API keys, and prints the
keys; `write RATE` submits tasks until it is stopped."""

import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")


def prepare(keys: int) -> None:
    from django.core.management import call_command

    from controlplane.workspaces import services
    from controlplane.workspaces.actors import SYSTEM

    call_command("migrate", interactive=False, verbosity=0)
    workspace = services.ensure_default_workspace()
    made = [
        services.create_api_key(
            workspace=workspace, name=f"socket {number}", role="viewer", actor=SYSTEM
        ).secret
        for number in range(keys)
    ]
    print(json.dumps(made))


def write(rate: int) -> None:
    """In ten portions a second."""
    from tasks_app.services import submit_tasks
    from tasks_app.specs import TaskSpec

    some = max(1, rate // 10)
    due = time.monotonic()
    while True:
        submit_tasks(specs=[TaskSpec(type="noop", payload={}) for _ in range(some)])
        due += some / rate
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    django.setup()
    command, number = sys.argv[1], int(sys.argv[2])
    {"prepare": prepare, "write": write}[command](number)
