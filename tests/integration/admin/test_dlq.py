"""The admin's pages of dead letters, groups and replays."""

import re
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

import tests.handlers  # noqa: F401 - registers the test types
from controlplane.core.admin.actions import CONFIRMED
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import AuditEvent, Workspace
from dlq import discard, replays
from dlq.filters import LetterFilter
from dlq.models import DeadLetter, Replay, ReplayTask
from dlq.replay_driver import ReplayDriver
from tasks_app.models import Task
from tests.clients import default_workspace, staff_client
from tests.factories import make_error, make_letter, make_next_letter
from tests.jsonvalues import is_same
from tests.manual_worker import run_task

pytestmark = pytest.mark.django_db
LETTERS = "/admin/dlq/deadletter/"
GROUPS = f"{LETTERS}groups/"
REPLAYS = "/admin/dlq/replay/"
SURE = {CONFIRMED: "yes"}
login = partial(staff_client, apps=["dlq", "tasks_app"])


@pytest.fixture
def operator(db: None) -> Client:
    return login("op", "operator")


@pytest.fixture
def viewer(db: None) -> Client:
    return login("eve", "viewer")


def page(client: Client, path: str, **params: Any) -> str:
    answer = client.get(path, params)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, path: str, **data: Any) -> str:
    answer = client.post(path, data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def act(client: Client, action: str, *letters: DeadLetter, **data: Any) -> str:
    ids = [str(letter.id) for letter in letters]
    return post(
        client,
        LETTERS,
        action=action,
        _selected_action=ids,
        **{"post": "yes", "reason": "OPS-1", **data},
    )


class TestList:
    """Many letters."""

    def test_filters_and_search(self, root: Client) -> None:
        first = make_letter(make_error("no such order 9"), name="charge")
        make_letter(make_error("unreachable", category="NETWORK"), name="call", type="test-raise")
        assert "ValueError: no such order 9" in page(root, LETTERS)
        for params in (
            {"category__exact": "NETWORK"},
            {"type": "test-raise"},
            {"q": "unreachable"},
        ):
            found = page(root, LETTERS, **params)
            assert "unreachable" in found
            assert "no such order" not in found
        for term in (str(first.id), str(first.task_id), first.fingerprint, "no such"):
            found = page(root, LETTERS, q=term)
            assert "no such order" in found
            assert "unreachable" not in found
        found = page(root, LETTERS, fingerprint=first.fingerprint)
        assert "failure (fingerprint)" in found
        assert "unreachable" not in found
        assert "0 dead letters" in page(root, LETTERS, status__exact="DISCARDED")
        for name in ("q", "type", "fingerprint"):
            assert root.get(LETTERS, {name: "a\x00b"}).status_code == 200

    def test_reprocess_and_discard(self, operator: Client) -> None:
        first, second, third = make_letter(), make_letter(), make_letter()
        assert "2 of 2 dead letters reprocessed" in act(operator, "reprocess", first, second)
        assert Task.objects.filter(reprocess_of__isnull=False).count() == 2
        assert "Give the reason" in act(operator, "discard", third, reason="")
        content = act(operator, "discard", first, third, reason="sent by hand")
        assert "1 of 2 dead letters discarded" in content
        third.refresh_from_db()
        assert (third.status, third.discard_reason) == ("DISCARDED", "sent by hand")
        assert third.resolved_by == "op"
        assert AuditEvent.objects.get(action="dlq.discard").actor_label == "op"

    def test_what_is_refused_says_why(self, operator: Client) -> None:
        bad = make_letter(type="noop-of-yore")
        content = act(operator, "reprocess", bad)
        assert "0 of 1 dead letter reprocessed" in content
        assert "noop-of-yore" in content

    def test_a_canary_of_the_selected(self, operator: Client) -> None:
        letters = [make_letter(), make_letter()]
        make_letter()
        assert "of 2 letters has started" in act(operator, "reprocess_as_canary", *letters)
        assert Replay.objects.get().matched == 2

    def test_nothing_is_added_changed_or_deleted(self, root: Client) -> None:
        letter = make_letter()
        assert root.get(f"{LETTERS}add/").status_code == 403
        assert root.get(f"{LETTERS}{letter.id}/delete/").status_code == 403
        assert root.post(f"{LETTERS}{letter.id}/change/", {"name": "x"}).status_code == 403


class TestOne:
    """The page of a letter."""

    def test_what_happened_in_words(self, root: Client) -> None:
        letter = make_letter(make_error("first <b>try</b>"), name="charge")
        Task.objects.filter(id=letter.task_id).update(state="PENDING", finished_at=None)
        letter = make_next_letter(letter.task_id, make_error("second try"))
        found = page(root, f"{LETTERS}{letter.id}/change/")
        for words in (
            "The task charge died at",
            "after 2 attempts: its code failed",
            "nobody has resolved it yet",
            "first &lt;b&gt;try&lt;/b&gt;",
            "second try",
            "orders.py",
            "&quot;order&quot;: 17",
            f"/admin/tasks_app/task/{letter.task_id}/change/",
            "(now failed)",
        ):
            assert words in found
        assert found.count("<summary>Attempt") == 2
        assert found.count("<details open>") == 1  # the last one

    def test_the_way_to_what_repeats_it(self, operator: Client) -> None:
        first = make_letter()
        act(operator, "reprocess", first)
        task = Task.objects.get(reprocess_of=first.task_id)
        second = make_next_letter(task.id)
        found = page(operator, f"{LETTERS}{first.id}/change/")
        assert f"/admin/tasks_app/task/{task.id}/change/" in found
        assert f"{LETTERS}{second.id}/change/" in found
        assert "by op: a new task does the work" in found
        assert "/reprocess/" not in found  # it is no longer open
        found = page(operator, f"{LETTERS}{second.id}/change/")
        assert f"{LETTERS}{first.id}/change/" in found
        found = page(operator, f"/admin/tasks_app/task/{task.id}/change/")
        assert f"/admin/tasks_app/task/{first.task_id}/change/" in found
        found = page(operator, f"/admin/tasks_app/task/{first.task_id}/change/")
        assert f"/admin/tasks_app/task/{task.id}/change/" in found

    def test_a_step_of_a_workflow(self, root: Client) -> None:
        run = "018f6f2e-0000-7000-8000-000000000001"
        letter = make_letter(workflow_run_id=run, step_key="notify")
        found = page(root, f"{LETTERS}{letter.id}/change/")
        assert f"/admin/workflows/workflowrun/{run}/change/" in found
        assert "Step notify of" in found
        # Its attempts are the definition's.
        assert 'name="max_attempts"' not in page(root, f"{LETTERS}{letter.id}/reprocess/")

    def test_a_task_that_never_started_or_was_removed(self, root: Client) -> None:
        letter = make_letter()
        Task.objects.filter(id=letter.task_id).delete()
        DeadLetter.objects.update(attempts=[], attempts_total=0)
        found = page(root, f"{LETTERS}{letter.id}/change/")
        assert "before it ever started" in found
        assert "Failed task: no longer stored" in found
        assert "No attempt was made" in found


class TestReprocess:
    """The form of a repetition."""

    def test_a_corrected_payload(self, operator: Client) -> None:
        letter = make_letter(type="sleep", payload={"ms": 1})
        path = f"{LETTERS}{letter.id}/reprocess/"
        found = page(operator, path)
        assert "&quot;ms&quot;: 1" in found
        assert "&quot;properties&quot;" in found  # the schema beside it
        content = post(operator, path, payload='{"ms": 5}', max_attempts="2")
        task = Task.objects.get(reprocess_of=letter.task_id)
        assert f"The task {task.id} does the work again" in content
        assert (task.payload, task.max_attempts) == ({"ms": 5}, 2)

    def test_a_corrected_kind_of_a_number(self, operator: Client) -> None:
        letter = make_letter(payload={"n": 1})
        post(operator, f"{LETTERS}{letter.id}/reprocess/", payload='{"n": 1.0}')
        payload = Task.objects.get(reprocess_of=letter.task_id).payload
        assert is_same(payload, {"n": 1.0})

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            ({"payload": '{"ms": -1}'}, "ms: "),
            ({"payload": '{"ms": '}, "line 1"),
            ({"payload": "[1]"}, "Enter a JSON object"),
            ({"payload": ""}, "This field is required."),
            ({"payload": '{"ms": 1, "ms": 2}'}, "ms"),
            ({"payload": '{"ms": 1}', "max_attempts": "0"}, "greater than or equal to 1"),
        ],
    )
    def test_errors_stand_beside_the_field(
        self, operator: Client, data: dict[str, str], sentence: str
    ) -> None:
        letter = make_letter(type="sleep", payload={"ms": 1})
        found = post(operator, f"{LETTERS}{letter.id}/reprocess/", **data)
        assert 'class="errorlist"' in found
        assert sentence in found
        assert DeadLetter.objects.get().status == "OPEN"

    def test_a_type_that_is_gone_and_a_letter_that_is_closed(self, operator: Client) -> None:
        letter = make_letter(type="noop-of-yore")
        path = f"{LETTERS}{letter.id}/reprocess/"
        assert "The work cannot be done here" in page(operator, path)
        assert "noop-of-yore" in post(operator, path, payload="{}")
        discard.discard_letter(
            workspace_id=letter.workspace_id, letter_id=letter.id, reason="x", actor=SYSTEM
        )
        assert "no longer open" in page(operator, path)
        assert "was discarded" in post(operator, path, payload="{}")


def test_discard_of_one(operator: Client) -> None:
    letter = make_letter()
    path = f"{LETTERS}{letter.id}/discard/"
    assert "Why the work is no longer needed" in page(operator, path)
    assert 'class="errorlist"' in post(operator, path, post="yes", reason="")
    assert "The letter was discarded" in post(operator, path, post="yes", reason="sent by hand")
    assert DeadLetter.objects.get().discard_reason == "sent by hand"
    assert "was discarded" in post(operator, path, post="yes", reason="again")


def test_the_old_page_of_groups_leads_to_the_inbox(operator: Client, other: Workspace) -> None:
    answer = operator.get(GROUPS, {"workspace": "other"})
    assert answer.headers["Location"] == "/admin/dlq/lettergroup/?workspace=other"
    assert operator.get(GROUPS).headers["Location"] == "/admin/dlq/lettergroup/"
    assert login("nobody").get(GROUPS).status_code == 403


def test_figures_stand_above_the_list(operator: Client) -> None:
    letter = make_letter()
    act(operator, "discard", make_letter())
    found = page(operator, LETTERS)
    assert re.findall(r"<dt>(\w+)</dt><dd>(\d+)</dd>", found)[:3] == [
        ("Open", "1"), ("Reprocessed", "0"), ("Discarded", "1"),
    ]  # fmt: skip
    assert "Dead letters per day, last 30 days" in found
    assert (
        f'<tr><th scope="row">{letter.died_at:%Y-%m-%d}</th><td class="number">2</td></tr>' in found
    )


class TestReplays:
    """How a replay goes."""

    def begin(self) -> Replay:
        return replays.start_replay(
            workspace_id=default_workspace().id,
            letter_filter=LetterFilter(everything=True),
            actor=SYSTEM,
            stages=(2,),
            max_failure_share=0.4,
        )

    def test_the_page_looks_again_while_it_runs(self, operator: Client) -> None:
        gone = make_letter(type="noop-of-yore")
        for _ in range(3):
            make_letter()
        replay = self.begin()
        for _ in range(2):  # the skipped letter takes a turn of the first pass
            ReplayDriver().drive()
        path = f"{REPLAYS}{replay.id}/change/"
        found = page(operator, path)
        assert "data-reload=" in found
        assert "Stage 1 of 2: 2 letters" in found
        assert f"{LETTERS}{gone.id}/change/" in found  # skipped
        first, second = ReplayTask.objects.order_by("letter_id").values_list("task_id", flat=True)
        run_task(first)
        run_task(second, make_error("still broken"))
        ReplayDriver().drive()
        found = page(operator, path)
        assert "data-reload=" not in found
        assert "Stopped because too many tasks failed again" in found
        assert "still broken" in found
        assert "Cancel the replay" not in found
        assert str(replay.id)[-12:] in page(operator, REPLAYS)

    def test_cancel(self, operator: Client, viewer: Client) -> None:
        make_letter()
        replay = self.begin()
        path = f"{REPLAYS}{replay.id}/"
        assert "Cancel the replay" not in page(viewer, f"{path}change/")
        assert viewer.post(f"{path}cancel/").status_code == 403
        assert operator.get(f"{path}cancel/").status_code == 405
        assert "No further letters" in post(operator, f"{path}cancel/", post="yes")
        assert "already ended" in post(operator, f"{path}cancel/", post="yes")
        assert Replay.objects.get().state == "CANCELLED"

    def test_pause_and_resume(self, operator: Client, viewer: Client) -> None:
        make_letter()
        path = f"{REPLAYS}{self.begin().id}/"
        assert "Pause the replay" not in page(viewer, f"{path}change/")
        for verb in ("pause", "resume"):
            assert viewer.post(f"{path}{verb}/").status_code == 403
            assert operator.get(f"{path}{verb}/").status_code == 405
        assert "The replay is not paused" in post(operator, f"{path}resume/")
        content = post(operator, f"{path}pause/")
        assert "The replay is paused" in content
        assert "no letters are submitted" in content
        assert "Pause the replay" not in content
        assert "Resume the replay" in content
        assert "Cancel the replay" in content
        ReplayDriver().drive()
        assert not ReplayTask.objects.exists()
        assert "The replay is resumed" in post(operator, f"{path}resume/")
        assert "Pause the replay" in page(operator, f"{path}change/")
        ReplayDriver().drive()
        assert ReplayTask.objects.exists()


class TestWho:
    """Roles, and workspaces."""

    def test_viewers_look_only(self, viewer: Client) -> None:
        letter = make_letter()
        found = page(viewer, f"{LETTERS}{letter.id}/change/")
        assert "The task an echo died" in found
        assert "/reprocess/" not in found
        for path, data in (
            (LETTERS, {"action": "reprocess", "_selected_action": str(letter.id)}),
            (LETTERS, {"action": "reprocess_as_canary", "_selected_action": str(letter.id)}),
            (LETTERS, {"action": "discard", "reason": "x", "_selected_action": str(letter.id)}),
            (f"{LETTERS}{letter.id}/reprocess/", {"payload": "{}"}),
            (f"{LETTERS}{letter.id}/discard/", {"reason": "x"}),
        ):
            assert viewer.post(path, data).status_code == 403
        assert DeadLetter.objects.get().status == "OPEN"
        assert not Replay.objects.exists()

    def test_members_see_and_act_in_their_workspaces_only(
        self, operator: Client, other: Workspace
    ) -> None:
        mine, theirs = (
            make_letter(make_error("mine")),
            make_letter(make_error("theirs"), workspace=other),
        )
        found = page(operator, LETTERS)
        assert "mine" in found
        assert "theirs" not in found
        assert operator.get(f"{LETTERS}{theirs.id}/change/").status_code == 302  # not found: home
        for verb in ("reprocess", "discard"):
            assert operator.get(f"{LETTERS}{theirs.id}/{verb}/").status_code == 404
        act(operator, "reprocess", mine, theirs)
        theirs.refresh_from_db()
        assert theirs.status == "OPEN"
        assert login("nobody").get(LETTERS).status_code == 403

    def test_superusers_act_everywhere(self, root: Client, other: Workspace) -> None:
        letters = [make_letter(), make_letter(workspace=other)]
        assert "2 of 2 dead letters reprocessed" in act(root, "reprocess", *letters)

    def test_without_djangos_permission_nothing(self, db: None) -> None:
        user = get_user_model().objects.create_user("plain", is_staff=True)
        client = Client()
        client.force_login(user)
        letter = make_letter()
        for path in (LETTERS, GROUPS, REPLAYS, f"{LETTERS}{letter.id}/change/"):
            assert client.get(path).status_code == 403
