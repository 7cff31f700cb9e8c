"""One socket: whose rows its topics show, and for how long."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from controlplane.live import connection as connections
from controlplane.live import consumer
from controlplane.live.topics import _registered, list_topics
from controlplane.workspaces import services
from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.models import Membership
from controlplane.workspaces.states import Role
from tests.clients import default_workspace, key_client, other_workspace, user_client
from tests.factories import make_queue, make_task
from tests.integration.live.stories import in_thread, key, page, run
from tests.sockets import DirectClient

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_viewers_of_two_workspaces_never_see_each_others_rows() -> None:
    ours, theirs = key(), key(workspace=other_workspace())
    make_queue("ours")
    secret = make_task(name="a secret", queue="theirs", workspace=other_workspace())

    async def story() -> None:
        async with DirectClient() as one, DirectClient() as other:
            one.send(authorization=ours, subscribe=["tasks", "queues", f"task:{secret.id}"])
            other.send(authorization=theirs, subscribe=["tasks", "queues", f"task:{secret.id}"])
            assert (await other.snapshot(f"task:{secret.id}"))["name"] == "a secret"
            assert (await other.snapshot("queues"))["order"] == ["theirs"]
            assert (await one.snapshot("queues"))["order"] == ["ours"]
            assert (await one.snapshot("tasks"))["total"] == 0
            await one.wait_for(lambda: one.of_kind("gone"), "the end of the other's task")
            assert "secret" not in str(one.messages)
            data = [m["data"] for m in one.messages if "data" in m]
            assert str(secret.id) not in str(data)

    run(story)


def test_a_person_names_the_workspace_and_has_to_be_a_member() -> None:
    ada = user_client("viewer", workspace=other_workspace())
    make_queue("theirs", other_workspace())

    async def story() -> None:
        async with page(ada) as socket:
            socket.send(workspace="default", subscribe=["queues"])
            assert await socket.wait_for_close() == 4403
        async with page(ada) as socket:
            socket.send(workspace="other", subscribe=["queues"])
            assert (await socket.snapshot("queues"))["order"] == ["theirs"]

    run(story)


@pytest.mark.parametrize("path", ["/ws/live", "/task/plane/ws/live"], ids=["stripped", "kept"])
def test_a_proxy_may_strip_the_path_prefix_or_keep_it(settings: Any, path: str) -> None:
    settings.FORCE_SCRIPT_NAME = "/task/plane"
    viewer = key()
    make_queue("ours")

    async def story() -> None:
        async with DirectClient(path) as socket:
            socket.send(authorization=viewer, subscribe=["queues"])
            assert (await socket.snapshot("queues"))["order"] == ["ours"]

    run(story)


def join(client: Any, slug: str, role: str = "viewer") -> None:
    services.add_member(workspace=other_workspace(slug), user=client.user, role=role, actor=SYSTEM)


def test_a_person_of_several_workspaces_watches_each_by_its_name() -> None:
    """They have no `default`: a topic without a workspace is not theirs to choose."""
    ada = user_client("viewer", workspace=other_workspace("one"))
    join(ada, "two")
    two = other_workspace("two")
    make_queue("in-one", other_workspace("one"))
    make_queue("in-two", two)
    make_queue("in-none", other_workspace("three"))

    async def story() -> None:
        async with page(ada) as socket:
            socket.send(
                subscribe=["queues", "one/queues", "two/queues", "three/queues", "no/queues"]
            )
            assert (await socket.snapshot("one/queues"))["order"] == ["in-one"]
            assert (await socket.snapshot("two/queues"))["order"] == ["in-two"]
            assert socket.messages[0]["workspace"] is None
            errors = {each["topic"]: each["code"] for each in socket.of_kind("error")}
            assert errors == {"queues": 4403, "three/queues": 4403, "no/queues": 4403}
            await in_thread(make_queue, "new", two)
            await socket.wait_for(
                lambda: "new" in socket.snapshots["two/queues"]["order"], "the new queue"
            )
            assert socket.snapshots["one/queues"]["order"] == ["in-one"]
            assert "in-none" not in str(socket.messages)
            beat = await socket.wait_for(lambda: socket.of_kind("heartbeat"), "a heartbeat")
            assert beat[-1]["topics"].keys() == {"one/queues", "two/queues"}
            assert "in-two" not in str(
                [m for m in socket.messages if m.get("topic") == "one/queues"]
            )

    run(story)


def test_one_topic_may_have_two_names() -> None:
    ada = user_client("viewer")
    make_queue("ours")

    async def story() -> None:
        async with page(ada) as socket:
            socket.send(subscribe=["queues", "default/queues"])
            assert await socket.snapshot("queues") == await socket.snapshot("default/queues")
            socket.send(unsubscribe=["queues"])
            await in_thread(make_queue, "new")
            await socket.wait_for(
                lambda: "new" in socket.snapshots["default/queues"]["order"], "the new queue"
            )
            assert "new" not in socket.snapshots["queues"]["order"]

    run(story)


def test_a_key_watches_its_own_workspace_alone() -> None:
    authorization = key()
    make_queue("theirs", other_workspace())

    async def story() -> None:
        async with DirectClient() as socket:
            socket.send(authorization=authorization, subscribe=["other/queues", "default/queues"])
            await socket.snapshot("default/queues")
            assert [each["topic"] for each in socket.of_kind("error")] == ["other/queues"]

    run(story)


def test_who_leaves_one_of_several_workspaces_loses_its_topics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr("controlplane.live.identity.REMEMBER_SECONDS", 0.1)
    one, two = other_workspace("one"), other_workspace("two")
    ada = user_client("viewer", workspace=one)
    join(ada, "two")

    async def story() -> None:
        async with page(ada) as socket:
            socket.send(subscribe=["one/queues", "two/queues"])
            await socket.snapshot("one/queues")
            await socket.snapshot("two/queues")
            await in_thread(Membership.objects.filter(workspace__slug="two").delete)
            errors = await socket.wait_for(lambda: socket.of_kind("error"), "the refusal")
            assert [(each["topic"], each["code"]) for each in errors] == [("two/queues", 4403)]
            before = len(socket.messages)
            await in_thread(make_queue, "new", two)
            await in_thread(make_queue, "new", one)
            await socket.wait_for(
                lambda: "new" in socket.snapshots["one/queues"]["order"], "the new queue"
            )
            assert "two/queues" not in str(socket.messages[before:])
            assert {each.workspace_id for each in watched_by_hub()} == {one.id}

    run(story)


def watched_by_hub() -> list[Any]:
    feeds = consumer.get_hub()._feeds
    return [watched for watched, feed in feeds.items() if feed.viewers]


def end_key(client: Any) -> None:
    services.revoke_api_key(workspace=default_workspace(), key_id=client.api_key.id, actor=SYSTEM)


def log_out(client: Any) -> None:
    client.session.flush()


def deactivate(client: Any) -> None:
    client.user.is_active = False
    client.user.save()


def leave(client: Any) -> None:
    Membership.objects.all().delete()


@pytest.mark.parametrize(
    ("end", "code"), [(end_key, 4401), (log_out, 4401), (deactivate, 4401), (leave, 4403)]
)
def test_who_may_no_longer_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[Any], None], code: int
) -> None:
    monkeypatch.setattr(connections, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr("controlplane.live.identity.REMEMBER_SECONDS", 0.1)
    monkeypatch.setattr("controlplane.workspaces.identities.REMEMBER_SECONDS", 0.1)
    client = key_client("viewer") if end is end_key else user_client("viewer")
    first = {"subscribe": ["queues"]}
    if end is end_key:
        first["authorization"] = client.defaults["HTTP_AUTHORIZATION"]
    socket = DirectClient() if end is end_key else page(client)

    async def story() -> None:
        async with socket:
            socket.send(**first)
            await socket.snapshot("queues")
            await in_thread(end, client)
            assert await socket.wait_for_close() == code

    run(story)


def test_a_role_that_no_longer_suffices_ends_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr("controlplane.live.identity.REMEMBER_SECONDS", 0.1)
    list_topics()
    for_admins = replace(_registered["queues"], role=Role.ADMIN)
    monkeypatch.setitem(_registered, "queues", for_admins)
    ada, bob = user_client("admin"), user_client("viewer", username="bob")

    async def story() -> None:
        async with page(ada) as socket, page(bob) as refused:
            socket.send(subscribe=["queues"])
            refused.send(subscribe=["queues"])
            await socket.snapshot("queues")
            errors = await refused.wait_for(lambda: refused.of_kind("error"), "the refusal")
            assert errors[0]["code"] == 4403
            await in_thread(Membership.objects.filter(user=ada.user).update, role="viewer")
            assert await socket.wait_for_close() == 4403

    run(story)
