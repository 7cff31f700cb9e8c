"""The admin's pages of schedules and firings, and those of django-celery-beat."""

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, PeriodicTask

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.clock import now
from controlplane.ops.schedules import triggering
from controlplane.ops.schedules.models import Firing, Schedule
from controlplane.ops.schedules.queries import describe, get_schedule
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent
from tasks_app.models import Task
from tests.clients import default_workspace, other_workspace, staff_client
from tests.factories import make_firing, make_job, make_schedule
from tests.factories.schedules import sync_beat
from tests.integration.admin.toasts import messages_of

pytestmark = pytest.mark.django_db
SCHEDULES = "/admin/schedules/schedule/"
BEAT = "/admin/django_celery_beat/"
login = partial(staff_client, apps=["schedules", "django_celery_beat"])


def page_of(job: Schedule) -> str:
    return f"{SCHEDULES}{job.id}/change/"


def form_of(**changes: Any) -> dict[str, Any]:
    return {
        "workspace": str(default_workspace().id),
        "name": "Nightly",
        "schedule": "0 2 * * *",
        "timezone": "Europe/Berlin",
        "enabled": "on",
        "task_type": "sleep",
        "workflow": "",
        "payload": '{"ms": 5}',
        "queue": "",
        "priority": "3",
        "max_attempts": "",
        "overlap": "queue",
        "catch_up": "",
        "catch_up_max": "10",
        "jitter_ms": "0",
        "start_at_0": "",
        "start_at_1": "",
        "end_at_0": "2031-01-01",
        "end_at_1": "00:00:00",
        **changes,
    }


def errors_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(
        re.findall(r'class="errorlist[^>]*>(.*?)</ul>', answer.content.decode(), re.DOTALL)
    )


class TestList:
    """What stands there, and the actions."""

    def test_what_it_shows_in_a_fixed_number_of_queries(self, root: Client) -> None:
        counts = []
        for n in range(2):
            for number in range(4):
                job = make_job(f"job {n}{number}", other_workspace(f"w{number}"))
                make_firing(job, "SKIPPED", skip_reason="OVERLAP")
                make_firing(job, scheduled_for=now() - timedelta(hours=1))
            with CaptureQueriesContext(connection) as queries:
                page = root.get(SCHEDULES).content.decode()
            counts.append(len(queries))
        assert counts[0] == counts[1]
        for text in ("job 00", "w3", "At 02:00 every day", "Skipped: overlap", "100 %", "A person"):
            assert text in page
        assert "job 00" in root.get(f"{SCHEDULES}?q=job+00").content.decode()
        assert (
            "job 00"
            not in root.get(f"{SCHEDULES}?periodic_task__enabled__exact=0").content.decode()
        )

    def test_actions_call_the_services_as_the_person(self, root: Client) -> None:
        one, two = make_job("one"), make_job("two")
        both = [str(one.id), str(two.id)]

        def act(action: str) -> str:
            sure = {"post": "yes", "reason": "OPS-1"} if action == "run_now" else {}
            data = {"action": action, "_selected_action": both, **sure}
            return root.post(SCHEDULES, data, follow=True).content.decode()

        assert "2 of 2 schedules paused" in act("pause")
        assert Schedule.objects.filter(paused_at__isnull=False).count() == 2
        assert "2 of 2 schedules fired" in act("run_now")
        assert (Task.objects.count(), Firing.objects.filter(triggered_by="root").count()) == (2, 2)
        Schedule.objects.filter(id=one.id).update(task_type="gone")
        page = act("resume")
        assert "1 of 2 schedules resumed" in page
        assert "gone" in page
        assert Schedule.objects.filter(paused_at__isnull=False).get().id == one.id
        event = AuditEvent.objects.filter(action="schedule.trigger").first()
        assert event is not None
        assert (event.actor_kind, event.actor_label) == ("user", "root")

    def test_nothing_is_undone_where_nothing_was_changed(self, root: Client) -> None:
        job = make_job("one", enabled=False)
        data = {"action": "pause", "_selected_action": [str(job.id)]}
        found = root.post(SCHEDULES, data, follow=True).content.decode()
        assert "0 of 1 schedule paused" in found
        assert "One: It was paused already." in found
        assert 'name="undo"' not in found

    def test_members_see_and_act_in_their_workspaces_only(self, root: Client) -> None:
        mine, theirs = make_job("mine"), make_job("theirs", other_workspace())
        client = login("op", "operator")
        page = client.get(SCHEDULES).content.decode()
        assert ("mine" in page, "theirs" in page) == (True, False)
        assert client.get(page_of(theirs)).status_code == 302  # not found: home
        chosen = [str(mine.id), str(theirs.id)]
        client.post(SCHEDULES, {"action": "pause", "_selected_action": chosen})
        assert Schedule.objects.get(paused_at__isnull=False).id == mine.id
        assert client.post(f"{SCHEDULES}{theirs.id}/delete/", {"post": "yes"}).status_code != 200
        assert Schedule.objects.filter(id=theirs.id).exists()

    def test_viewers_look_only(self, db: None) -> None:
        job = make_job()
        client = login("eve", "viewer")
        page = client.get(page_of(job)).content.decode()
        assert "a job" in page
        assert "Run now" not in page
        for action in ("run_now", "pause"):
            answer = client.post(SCHEDULES, {"action": action, "_selected_action": str(job.id)})
            assert answer.status_code == 403
        assert client.post(page_of(job), form_of()).status_code == 403
        assert client.post(f"{SCHEDULES}add/", form_of()).status_code != 302
        assert client.post(f"{SCHEDULES}{job.id}/delete/", {"post": "yes"}).status_code == 403
        assert Schedule.objects.get().paused_at is None


class TestPage:
    """One schedule."""

    def test_next_times_in_both_zones_and_firings(self, root: Client) -> None:
        job = make_job(timezone="Asia/Kolkata", schedule="30 4 * * *")
        at = now()
        make_firing(
            job, "FAILED", scheduled_for=at, late_ms=2_500, started_at=at, times=3,
            finished_at=at + timedelta(minutes=2), error={"message": "it <b>broke</b>"},
        )  # fmt: skip
        triggering.trigger_schedule(workspace_id=job.workspace_id, schedule_id=job.id, actor=SYSTEM)
        page = root.get(page_of(job)).content.decode()
        assert len(re.findall(r"04:30:00 \+0530", page)) == 10
        assert len(re.findall(r"\w+ \d{4}-\d\d-\d\d 23:00:00<", page)) >= 10
        for text in ("2.5 s", "2 min", "it &lt;b&gt;broke", "and 2 more", "Run now", "Pause"):
            assert text in page
        assert f"/admin/tasks_app/task/{Task.objects.get().id}/" in page

    def test_what_has_no_effect_is_noted(self, root: Client) -> None:
        schedule = make_schedule("*/90 * * * *")
        page = root.get(f"/admin/schedules/schedule/{schedule.id}/change/").content.decode()
        assert "the only minute is 0" in page

    def test_buttons_lead_back_to_the_page(self, root: Client) -> None:
        job = make_job()
        for action, words in (("pause", "Resume"), ("run_now", "manual"), ("resume", "Pause")):
            answer = root.post(
                SCHEDULES,
                {
                    "action": action,
                    "_selected_action": str(job.id),
                    "_this_page": "1",
                    **({"post": "yes"} if action == "run_now" else {}),
                },
                follow=True,
            )
            assert answer.redirect_chain == [(page_of(job), 302)]
            assert words in answer.content.decode() or action == "run_now"
        assert Firing.objects.filter(kind="manual").count() == 1

    def test_add(self, root: Client) -> None:
        assert root.get(f"{SCHEDULES}add/").status_code == 200
        answer = root.post(f"{SCHEDULES}add/", form_of())
        assert answer.status_code == 302, errors_of(answer)
        job = get_schedule(default_workspace().id, Schedule.objects.get().id)
        view = describe(job)
        assert (view.text, view.timezone, view.enabled) == ("0 2 * * *", "Europe/Berlin", True)
        assert (job.task_type, job.payload, job.priority) == ("sleep", {"ms": 5}, 3)
        assert (job.overlap, job.max_attempts, job.created_by) == ("queue", None, "root")
        assert view.end_at is not None
        assert AuditEvent.objects.get(action="schedule.create").actor_label == "root"

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"schedule": "61 * * * *"}, "61"),
            ({"schedule": "0 0 30 2 *"}, "never fires"),
            ({"payload": '{"ms": "x"}'}, "payload.ms"),
            ({"payload": "{"}, "not JSON"),
            ({"payload": '{"ms": 1, "ms": 2}'}, "This key occurs twice"),
            ({"payload": '{"ms": 9223372036854775808}'}, "64 bits"),
            ({"payload": '{"ms": NaN}'}, "NaN is not a JSON number"),
            ({"task_type": ""}, "Give either"),
            ({"task_type": "", "workflow": "nowhere"}, "no workflow"),
            ({"name": "taken"}, "already"),
            ({"catch_up_max": "0"}, "from 1 to"),
            ({"queue": "a b"}, "letters"),
            ({"end_at_0": "2020-01-01"}, "never fires between"),
        ],
    )
    def test_errors_are_shown_in_the_form(
        self, root: Client, change: dict[str, str], says: str
    ) -> None:
        make_job("taken")
        answer = root.post(f"{SCHEDULES}add/", form_of(**change))
        assert says in errors_of(answer)
        assert Schedule.objects.count() == 1

    def test_change(self, root: Client) -> None:
        job = make_job("Nightly", task_type="sleep", payload={"ms": 5})
        data = form_of(name="Other", schedule="@hourly", priority="9")
        answer = root.post(page_of(job), data)
        assert answer.status_code == 302, errors_of(answer)
        changed = get_schedule(job.workspace_id, job.id)
        assert (changed.name, changed.priority) == ("Other", 9)
        assert describe(changed).text == "0 * * * *"
        detail = AuditEvent.objects.get(action="schedule.update").detail
        assert "payload" not in detail
        assert detail["priority"] == 9
        # A form without changes changes nothing.
        data = form_of(name="Other", schedule="0 * * * *", priority="9")
        page = root.post(page_of(job), data, follow=True).content.decode()
        assert messages_of(page)[-1] == (
            "info", "Nothing to change: the schedule Other already has these values.",
        )  # fmt: skip

    def test_what_cannot_start_any_more_can_be_paused(self, root: Client) -> None:
        job = make_job("Nightly", timezone="Europe/Berlin", priority=3, overlap="queue",
                       task_type="sleep", payload={"ms": 5})  # fmt: skip
        Schedule.objects.filter(id=job.id).update(task_type="gone")
        data = form_of(task_type="gone", end_at_0="", end_at_1="")
        del data["enabled"]
        answer = root.post(page_of(job), data)
        assert answer.status_code == 302, errors_of(answer)
        assert Schedule.objects.get().paused_at is not None
        assert "gone (unknown)" in root.get(page_of(job)).content.decode()

    def test_remove(self, root: Client) -> None:
        job = make_job()
        page = root.get(f"{SCHEDULES}{job.id}/delete/").content.decode()
        assert "with its firings" in page
        assert root.post(f"{SCHEDULES}{job.id}/delete/", {"post": "yes"}).status_code == 302
        assert (Schedule.objects.count(), PeriodicTask.objects.count()) == (0, 0)
        assert AuditEvent.objects.get(action="schedule.delete").actor_label == "root"

    def test_declared_ones_are_paused_only(self, root: Client) -> None:
        job = make_job("Nightly", task_type="sleep", payload={"ms": 5})
        Schedule.objects.update(source="code", code_name="shop.schedules:x", code_hash="x")
        page = root.get(page_of(job)).content.decode()
        assert "declared in code (shop.schedules:x)" in page
        data = form_of(name="Other", priority="9")
        del data["enabled"]
        answer = root.post(page_of(job), data)
        assert answer.status_code == 302, errors_of(answer)
        found = Schedule.objects.get()
        assert (found.name, found.priority, found.paused_at is None) == ("Nightly", 0, False)
        assert root.post(f"{SCHEDULES}{job.id}/delete/", {"post": "yes"}).status_code == 403

    def test_a_firing(self, root: Client) -> None:
        job = make_job()
        triggering.trigger_schedule(workspace_id=job.workspace_id, schedule_id=job.id, actor=SYSTEM)
        firing = Firing.objects.get()
        assert "a job" in root.get("/admin/schedules/firing/").content.decode()
        page = root.get(f"/admin/schedules/firing/{firing.id}/change/").content.decode()
        assert "Started" in page
        assert root.get("/admin/schedules/firing/add/").status_code == 403
        theirs = login("op", "operator", email="x@example.com")
        assert "a job" in theirs.get("/admin/schedules/firing/").content.decode()
        nobody = login("nobody")
        assert "a job" not in nobody.get("/admin/schedules/firing/").content.decode()


class TestBeat:
    """The pages of django-celery-beat."""

    def test_they_open_for_superusers_only(self, root: Client) -> None:
        job = make_job()
        ada = login("ada", "admin")
        task = Schedule.objects.get(id=job.id).periodic_task_id
        paths = [
            f"{BEAT}{name}/"
            for name in (
                "periodictask",
                "crontabschedule",
                "intervalschedule",
                "clockedschedule",
                "solarschedule",
                f"periodictask/{task}/change",
                "periodictask/add",
            )
        ]
        for path in paths:
            assert root.get(path).status_code == 200, path
            assert ada.get(path).status_code == 403, path

    def test_edits_there_take_effect(self, root: Client) -> None:
        job = make_job()
        task = Schedule.objects.get(id=job.id).periodic_task
        crontab = CrontabSchedule.objects.create(minute="15", hour="4", timezone="Asia/Tokyo")
        data = {
            "name": task.name,
            "regtask": "",
            "task": task.task,
            "enabled": "on",
            "crontab": str(crontab.pk),
            "args": "[]",
            "kwargs": "{}",
            "headers": "{}",
            "start_time_0": "",
            "start_time_1": "",
        }
        answer = root.post(f"{BEAT}periodictask/{task.pk}/change/", data)
        assert answer.status_code == 302, errors_of(answer)
        sync_beat()
        changed = get_schedule(job.workspace_id, job.id)
        assert (describe(changed).text, describe(changed).timezone) == ("15 4 * * *", "Asia/Tokyo")
        assert changed.next_at is not None
        assert (changed.next_at.hour, changed.next_at.minute) == (19, 15)

    def test_a_plain_periodic_task_has_a_page_of_a_schedule(self, root: Client) -> None:
        crontab = CrontabSchedule.objects.create(minute="0")
        PeriodicTask.objects.create(name="Plain", task="shop.count", crontab=crontab)
        sync_beat()
        job = Schedule.objects.get()
        page = root.get(page_of(job)).content.decode()
        assert "shop.count" in page
        answer = root.post(page_of(job), {"enabled": "", "overlap": "skip", "catch_up_max": "2",
                                          "jitter_ms": "0"})  # fmt: skip
        assert answer.status_code == 302, errors_of(answer)
        found = Schedule.objects.get()
        assert (found.overlap, found.catch_up_max, found.name) == ("skip", 2, "Plain")
        assert PeriodicTask.objects.get().enabled is False
