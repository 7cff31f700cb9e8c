"""Fills a new database with tasks for `benchmarks.exports`, and prints a key that may read them."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
# What spreadsheets and terminals would take for something else. Every hundredth task is called so.
NAME = '=HYPERLINK("http://evil.example","x")\x1b[31m'
VALUES = {"text": "+1+1", "escape": "\x1b[2J", "digits": 9_007_199_254_740_993, "large": 1e20}
_COPY = """
    INSERT INTO tasks_app_task ({columns})
    SELECT {values} FROM tasks_app_task task, generate_series(1, %s) n,
        (SELECT %s::jsonb AS value) made WHERE task.id = %s
"""
# An id of version 7, in the order of n.
_ID = """(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 1000000 + n), 12, '0') || '7'
    || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid"""


def fill(number: int) -> None:
    """This many tasks: one is submitted, the others are copies of it that have completed."""
    from django.db import connection

    from controlplane.core.jsonb import dump_jsonb
    from tasks_app.services import submit_task
    from tasks_app.specs import TaskSpec

    first = submit_task(spec=TaskSpec(type="noop", payload={}, name="the first"))
    changed = {
        "id": _ID,
        "name": "CASE n %% 100 WHEN 0 THEN %s ELSE 'task ' || n END",
        "payload": "made.value || jsonb_build_object('n', n, 'rest', repeat(md5(n::text), 10))",
        "state": "'COMPLETED'",
        "result": "made.value",
        "attempt": "1",
        "started_at": "now()",
        "finished_at": "now()",
    }
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, "tasks_app_task")
        columns = sorted(column.name for column in found)
        values = ", ".join(changed.get(name, f"task.{name}") for name in columns)
        statement = _COPY.format(columns=", ".join(columns), values=values)
        cursor.execute(statement, [NAME, number - 1, dump_jsonb(VALUES).decode(), first])
        cursor.execute("ANALYZE tasks_app_task")


def main(number: int) -> None:
    from django.core.management import call_command

    from controlplane.workspaces import services
    from controlplane.workspaces.actors import SYSTEM

    call_command("migrate", interactive=False, verbosity=0)
    fill(number)
    workspace = services.ensure_default_workspace()
    made = services.create_api_key(workspace=workspace, name="reader", role="viewer", actor=SYSTEM)
    print(json.dumps(made.secret))


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
