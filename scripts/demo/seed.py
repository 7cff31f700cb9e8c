"""`scripts/seed-demo`: write the history, and let its processes report until it is stopped."""

import argparse
import sys
import time
from random import Random

from django.db import transaction

from controlplane.core.clock import now
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Workspace
from controlplane.workspaces.services import create_workspace
from scripts.demo import automation, fleet, plans, repair
from scripts.demo.figures import Figures, make_minutes
from scripts.demo.moving import move_on, report
from scripts.demo.story import WORLDS, World
from scripts.demo.work import Tasks, list_deaths
from tasks_app.models import Task
from tasks_app.services.rollups import recount_tasks

_SEED = 412
_REPORT_SECONDS = 5


def seed() -> list[Workspace]:
    """Write everything in one transaction. Returns the workspaces; that of the incident is the
    first."""
    at, random = now(), Random(_SEED)
    with transaction.atomic():
        workspaces = [_workspace(world) for world in WORLDS]
        nodes = fleet.make_nodes(at, random)
        make_minutes(at)
        for world, workspace in zip(WORLDS, workspaces, strict=True):
            deaths = list(list_deaths(world, at))
            tasks = Tasks(world, workspace, at, random)
            tasks.make(nodes, deaths)
            Figures(world, workspace, at, random).make(tasks.queues, deaths)
        fleet.make_pool(at)
        report(at)
        plans.make_people(workspaces)
        plans.make_schedules(workspaces[0], at)
        automation.make_automation(workspaces[0], at)
        plans.make_audit(workspaces[0], at)
        repair.make_groups(workspaces[0], at)
        repair.make_operations(workspaces[0], at)
        recount_tasks()
    move_on(at, now())  # writing took its time
    return workspaces


def _workspace(world: World) -> Workspace:
    return create_workspace(slug=world.slug, name=world.name, actor=SYSTEM)


def main() -> int:
    """Returns the exit code: 2 when the database holds tasks of somebody else."""
    parser = argparse.ArgumentParser(
        prog="scripts/seed-demo",
        description="Fill a new database with the history of an incident, to look at the pages.",
    )
    parser.add_argument("--force", action="store_true", help="also into a database with tasks")
    parser.add_argument(
        "--keep-reporting",
        action="store_true",
        help="stay, and let the demo's workers and processes report until Ctrl-C",
    )
    options = parser.parse_args()
    if Task.objects.exists() and not options.force:
        print(
            "seed-demo: this database holds tasks. Use a new one, or --force to write into it.",
            file=sys.stderr,
        )
        return 2
    workspaces = seed()
    print(f"Seeded: {', '.join(each.slug for each in workspaces)}.")
    before = now()
    while options.keep_reporting:
        time.sleep(_REPORT_SECONDS)
        at = now()
        move_on(before, at)
        before = at
    return 0
