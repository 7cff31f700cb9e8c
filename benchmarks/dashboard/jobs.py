"""What is done inside a process with Django for the scenario `pages`:
`python -m benchmarks.dashboard.jobs`. Prints one JSON object.
"""

import argparse
import json
from importlib.resources import files
from typing import Any

import django
import psycopg

from benchmarks.dashboard.statements import counted_statements
from benchmarks.history import probes

ROOT, MEMBER = "bench", "bench-member"  # a superuser, and an admin of two workspaces
_WORKSPACES, _PEOPLE = 40, 200
# The pages whose rows are those of the person's workspaces: the others are the same for everybody.
_OF_WORKSPACES = ("_changelist", "index", "performance")
_QUEUES = ("mail", "reports", "webhooks", "exports")
_ORDER = [
    {"key": "charge", "type": "noop"},
    {"key": "pack", "type": "noop", "dependsOn": ["charge"]},
    {"key": "ship", "type": "noop", "dependsOn": ["pack"]},
]
_WIDE = [
    {"key": "items", "type": "noop", "forEach": "input.items"},
    {"key": "last", "type": "noop", "dependsOn": ["items"]},
]


def fill(waiting: int, ended: int, records: int) -> dict[str, Any]:
    """A history of tasks, the story of the demo in two workspaces, and what else an installation
    has: see fill.sql."""
    probes.fill(waiting, ended, expired=0)
    from django.db import connection

    from controlplane.workspaces.queries import get_default_workspace_id
    from scripts.demo.seed import seed
    from tasks_app.models import Queue, Task

    seed()
    workspace = get_default_workspace_id()
    _make_tenants()
    _make_one_of_each(workspace, width=min(10_000, records))
    own = Queue.objects.filter(workspace_id=workspace, name__in=("mail", "reports"))
    parent = Task.objects.filter(queue__in=own, attempt__gt=0).order_by("id").first()
    values = {
        "workspace": workspace,
        "records": records,
        "queues": list(own.values_list("id", flat=True)),
        "parent": None if parent is None else parent.id,
    }
    script = (files("benchmarks.dashboard") / "fill.sql").read_text(encoding="utf-8")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        # Bound by the client: it is several statements.
        psycopg.ClientCursor(connection.connection).execute(script.encode(), values)
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")
    return {"tasks": Task.objects.count()}


def _make_tenants() -> None:
    """More workspaces with queues, and people in them."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission

    from controlplane.workspaces import services
    from controlplane.workspaces.actors import SYSTEM
    from controlplane.workspaces.models import ApiKey, Workspace
    from tasks_app.models import Queue

    users = get_user_model().objects
    people = [users.create(username=f"person-{number}", is_staff=True) for number in range(_PEOPLE)]
    for number in range(_WORKSPACES):
        made = services.create_workspace(
            slug=f"tenant-{number}", name=f"Tenant {number}", actor=SYSTEM
        )
        Queue.objects.bulk_create(Queue(workspace=made, name=name) for name in _QUEUES)
        for person in people[number * 5 : number * 5 + 5]:
            services.add_member(workspace=made, user=person, role="operator", actor=SYSTEM)
        ApiKey.objects.bulk_create(
            ApiKey(
                workspace=made, name=f"key {key}", prefix=f"tp_{number:04}{key:04}",
                secret_hash="0" * 64, role="viewer", created_by="person-1",
            )
            for key in range(5)
        )  # fmt: skip
    member = users.create(username=MEMBER, is_staff=True)
    member.user_permissions.set(Permission.objects.all())
    for slug in ("default", "payments-eu"):
        home = Workspace.objects.get(slug=slug)
        services.add_member(workspace=home, user=member, role="admin", actor=SYSTEM)


def _make_one_of_each(workspace: Any, *, width: int) -> None:
    """Rows that only services make."""
    from django.db import transaction

    from controlplane.core.clock import now
    from controlplane.ops.stress import control
    from controlplane.ops.stress.driver import StressDriver
    from controlplane.ops.stress.spec import make_spec
    from controlplane.workspaces.actors import SYSTEM
    from dlq.filters import LetterFilter
    from dlq.queries import list_letters
    from dlq.replays import start_replay
    from workflows import authoring, runs

    for name, tasks, value in (
        ("Order", _ORDER, {}),
        ("Many items", _WIDE, {"items": list(range(width))}),
    ):
        made = authoring.create_workflow(
            workspace_id=workspace, body={"name": name, "tasks": tasks}, actor=SYSTEM
        )
        runs.execute_workflow(
            workspace_id=workspace, workflow_id=made.id, input=value, actor=SYSTEM
        )
    letters = list_letters(workspace, LetterFilter()).order_by("-id")
    ids = tuple(letters.values_list("id", flat=True)[:100])
    for _ in range(60 if ids else 0):
        start_replay(workspace_id=workspace, letter_filter=LetterFilter(ids=ids), actor=SYSTEM)
    for _ in range(2):
        with transaction.atomic():
            test = control.start_test(
                workspace_id=workspace, spec=make_spec(tasks=100), actor=SYSTEM
            )
        control.stop_test(workspace_id=workspace, test_id=test.id, actor=SYSTEM)
        while not _has_ended(test):
            StressDriver().drive(now=now())


def _has_ended(test: Any) -> bool:
    from controlplane.ops.stress.states import ENDED

    test.refresh_from_db()
    return test.state in ENDED


def find() -> dict[str, Any]:
    """The pages of both people with how many statements each takes, and the cookies of their
    sessions."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from benchmarks.dashboard.addresses import list_addresses

    pages, cookies = [], {}
    for name in (ROOT, MEMBER):
        user = get_user_model().objects.get(username=name)
        client = Client(HTTP_HOST="127.0.0.1")
        client.force_login(user)
        client.get("/admin/")  # fills caches of the process
        cookies[name] = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
        for each in list_addresses(user):
            if name == MEMBER and not each.name.endswith(_OF_WORKSPACES):
                continue
            title = each.title if name == ROOT else f"{each.title} (member)"
            pages.append(
                {
                    "title": title,
                    "person": name,
                    "url": each.url,
                    "is_endless": each.name.endswith("_export"),
                    "statements": _count_statements(client, each.url),
                }
            )
    return {"pages": pages, "cookies": cookies}


def _count_statements(client: Any, url: str) -> int:
    with counted_statements() as statements:
        answer = client.get(url)
        if answer.streaming:
            # An export reads its rows with its first part.
            next(iter(answer.streaming_content), b"")
    # One that is left open counts as an export under way: a person may have a few of them.
    answer.close()
    if answer.status_code != 200:
        where = answer.headers.get("Location", "")
        raise SystemExit(f"{url} answered {answer.status_code} {where}".rstrip() + ".")
    return len(statements)


def main() -> None:
    """Do one job and print its result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard.jobs")
    parser.add_argument("job", choices=("fill", "find"))
    for name in ("waiting", "ended", "records"):
        parser.add_argument(f"--{name}", type=int, default=0)
    options = parser.parse_args()
    django.setup()
    if options.job == "fill":
        print(json.dumps(fill(options.waiting, options.ended, options.records)))
    else:
        print(json.dumps(find()))


if __name__ == "__main__":
    main()
