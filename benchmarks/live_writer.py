"""The other side of `benchmarks.live` and `benchmarks.overview`: `prepare N` makes the tables and N
API keys, and prints the keys; `visit N` makes N viewers of the pages, and prints the cookies of
their sessions; `write RATE` submits tasks until it is stopped, and prints each ten seconds how
many."""

import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
_REPORT_SECONDS = 10.0


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


def visit(people: int) -> None:
    from django.conf import settings
    from django.contrib.auth import (
        BACKEND_SESSION_KEY,
        HASH_SESSION_KEY,
        SESSION_KEY,
        get_user_model,
    )
    from django.contrib.auth.models import Permission
    from django.contrib.sessions.backends.db import SessionStore

    from controlplane.workspaces import services
    from controlplane.workspaces.actors import SYSTEM

    cookies = []
    for number in range(people):
        user = get_user_model().objects.create_user(f"viewer-{number}", is_staff=True)
        user.user_permissions.set(Permission.objects.all())
        workspace = services.ensure_default_workspace()
        services.add_member(workspace=workspace, user=user, role="viewer", actor=SYSTEM)
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        cookies.append({"name": settings.SESSION_COOKIE_NAME, "value": session.session_key})
    print(json.dumps(cookies))


def write(rate: int) -> None:
    """In ten portions a second."""
    from tasks_app.services import submit_tasks
    from tasks_app.specs import TaskSpec

    some = max(1, rate // 10)
    due = time.monotonic()
    written, reported = 0, due
    while True:
        submit_tasks(specs=[TaskSpec(type="noop", payload={}) for _ in range(some)])
        written += some
        if due - reported >= _REPORT_SECONDS:
            print(json.dumps(written), flush=True)
            reported = due
        due += some / rate
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    django.setup()
    command, number = sys.argv[1], int(sys.argv[2])
    {"prepare": prepare, "visit": visit, "write": write}[command](number)
