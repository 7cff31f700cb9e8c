"""One socket: who may open it, and what a client gets."""

from typing import Any

import pytest

from controlplane.live import consumer, limits, messages
from tests.clients import user_client
from tests.factories import make_queue, make_task
from tests.integration.live.stories import in_thread, key, page, run
from tests.sockets import DirectClient

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "task:01a00000-0000-7000-8000-000000000000"


def test_a_key_in_the_first_message_watches() -> None:
    authorization = key()

    async def story() -> None:
        async with DirectClient() as socket:
            socket.send(authorization=authorization, subscribe=["tasks"])
            found = await socket.snapshot("tasks")
            assert socket.messages[0] | {"at": ""} == {
                "v": 1, "kind": "hello", "workspace": "default", "at": "",
            }  # fmt: skip
            assert found["total"] == 0
            task = await in_thread(make_task)
            await socket.wait_for(lambda: socket.snapshots["tasks"]["total"] == 1, "the new task")
            assert socket.snapshots["tasks"]["newest"] == [str(task.id)]
            assert socket.of_kind("change")[0]["since"] == socket.of_kind("snapshot")[0]["seq"]
            beat = await socket.wait_for(lambda: socket.of_kind("heartbeat"), "a heartbeat")
            assert beat[-1]["topics"].keys() == {"tasks"}

    run(story)


def test_a_session_watches_from_a_page_of_ours() -> None:
    ada = user_client("viewer")

    async def story() -> None:
        async with page(ada) as socket:
            socket.send(subscribe=["queues"])
            await socket.snapshot("queues")

    run(story)


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://elsewhere.example", 4403),
        ("https://testserver:8443", 4403),
        ("null", 4403),
        ("http://[", 4403),
        ("https://testserver", None),  # a proxy ends TLS
        ("https://a.trusted.example", None),
        ("https://trusted.example", None),
        ("http://a.trusted.example", 4403),
        ("https://nottrusted.example", 4403),
    ],
)
def test_the_origin_of_a_page_is_checked(settings: Any, origin: str, code: int | None) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.trusted.example"]
    ada = user_client("viewer")

    async def story() -> None:
        async with page(ada, origin=origin) as socket:
            if code is None:
                socket.send(subscribe=["queues"])
                await socket.snapshot("queues")
            else:
                assert await socket.wait_for_close() == code

    run(story)


def test_a_session_without_an_origin_is_nobody() -> None:
    """Every browser sends one: this is no page."""
    ada = user_client("viewer")

    async def story() -> None:
        async with page(ada) as socket:
            pass
        async with DirectClient(cookie=socket.scope["headers"][1][1].decode()) as other:
            other.send(subscribe=["queues"])
            assert await other.wait_for_close() == 4401

    run(story)


@pytest.mark.parametrize(
    ("path", "headers", "first", "code"),
    [
        ("/ws/live", {}, {"subscribe": ["tasks"]}, 4401),
        ("/ws/live/", {}, {"authorization": "Bearer tp_12345678_nonsense"}, 4401),
        ("/ws/live", {}, {"authorization": "nonsense"}, 4401),
        ("/ws/live", {"origin": "http://testserver", "cookie": "sessionid=x"}, {}, 4401),
        ("/ws/other", {}, {}, 4404),
        ("/", {}, {}, 4404),
        ("/ws/live", {"host": "evil.example"}, {}, 4403),
        ("/ws/live", {"host": ""}, {}, 4403),
    ],
)
def test_who_is_unknown_is_refused_with_a_code(
    path: str, headers: dict[str, str], first: dict[str, Any], code: int
) -> None:
    async def story() -> None:
        async with DirectClient(path, **headers) as socket:
            socket.send(**first)
            assert await socket.wait_for_close() == code
            assert socket.is_accepted
            assert socket.reason.endswith(".")
            assert not socket.messages

    run(story)


def test_the_first_message_has_to_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "FIRST_MESSAGE_SECONDS", 0.1)

    async def story() -> None:
        async with DirectClient() as socket:
            assert await socket.wait_for_close() == 4401

    run(story)


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", "7", "null", "[" * 50_000, '{"a": ' * 30 + "1" + "}" * 30,
        '{"subscribe": "tasks"}', '{"subscribe": [1]}', '{"subscribe": null}', '{"x": 1}',
        '{"subscribe": [], "subscribe": []}', '{"authorization": 1}', '{"workspace": {}}',
        '{"subscribe": ["\\u0000"]}', '{"subscribe": ["\\ud800"]}', '{"n": 1e999}', "x" * 70_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_known", [True, False])
def test_what_is_no_message_closes_the_socket(message: str, is_known: bool) -> None:
    authorization = key()

    async def story() -> None:
        async with DirectClient() as socket:
            if is_known:
                socket.send(authorization=authorization)
                await socket.wait_for(lambda: socket.of_kind("hello"), "the hello")
            socket.send_text(message)
            assert await socket.wait_for_close() == 4400
            assert 0 < len(socket.reason.encode()) <= 123

    run(story)


def test_binary_frames_and_a_second_introduction_close_the_socket() -> None:
    authorization = key()

    async def story() -> None:
        async with DirectClient() as socket:
            socket.send_bytes(b'{"subscribe": []}')
            assert await socket.wait_for_close() == 4400
        for again in ({"authorization": authorization}, {"workspace": "default"}):
            async with DirectClient() as socket:
                socket.send(authorization=authorization)
                socket.send(**again)
                assert await socket.wait_for_close() == 4400

    run(story)


def test_a_topic_that_cannot_be_watched_is_an_error_and_the_others_go_on() -> None:
    authorization = key(scopes=["tasks:read"])
    names = {
        "nonsense": 4404, "task": 4404, "task:7": 4404, "tasks:": 4404, "x" * 1_999: 4404,
        "<script>": 4404, "queues": 4403, "workers": 4403,
    }  # fmt: skip

    async def story() -> None:
        async with DirectClient() as socket:
            socket.send(authorization=authorization, subscribe=[*names, "tasks"])
            await socket.snapshot("tasks")
            errors = {each["topic"]: each["code"] for each in socket.of_kind("error")}
            assert errors == {name[:100]: code for name, code in names.items()}

    run(story)


def test_what_does_not_exist_is_gone() -> None:
    authorization = key()

    async def story() -> None:
        async with DirectClient() as socket:
            socket.send(authorization=authorization, subscribe=[NOWHERE, "tasks"])
            gone = await socket.wait_for(lambda: socket.of_kind("gone"), "the end of the topic")
            assert gone[0]["topic"] == NOWHERE
            await socket.snapshot("tasks")

    run(story)


def test_limits_of_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SOCKETS_PER_PERSON", 2)
    authorization = key()
    most = messages.MAX_TOPICS
    tasks = [NOWHERE[:-2] + f"{number:02d}" for number in range(most + 8)]

    async def story() -> None:
        async with DirectClient() as first, DirectClient() as second, DirectClient() as third:
            first.send(authorization=authorization, subscribe=tasks[:most])
            first.send(subscribe=["tasks"])
            errors = await first.wait_for(lambda: first.of_kind("error"), "the refusal")
            assert (errors[0]["topic"], errors[0]["code"]) == ("tasks", 4429)
            second.send(authorization=authorization)
            await second.wait_for(lambda: second.of_kind("hello"), "the hello")
            third.send(authorization=authorization)
            assert await third.wait_for_close() == 4429
            second.send(subscribe=tasks)
            assert await second.wait_for_close() == 4429
        async with DirectClient() as flood:  # the others have left
            flood.send(authorization=authorization)
            for _ in range(30):
                flood.send(unsubscribe=[])
            assert await flood.wait_for_close() == 4429

    run(story)


def test_a_client_that_does_not_read_gets_one_message_that_leads_to_the_present() -> None:
    authorization = key()
    make_queue("a")

    async def story() -> None:
        async with DirectClient() as slow, DirectClient() as quick:
            for socket in (slow, quick):
                socket.send(authorization=authorization, subscribe=["queues"])
                await socket.snapshot("queues")
            slow.reads.clear()
            for number in range(4):
                await in_thread(make_queue, f"queue-{number}")
                await quick.wait_for(
                    lambda n=number: f"queue-{n}" in quick.snapshots["queues"]["rows"], "the queue"
                )
            before = len(slow.messages)
            slow.reads.set()
            await slow.wait_for(
                lambda: slow.snapshots["queues"] == quick.snapshots["queues"], "the present state"
            )
            # One was under way when it stopped to read, and one has all the rest.
            news = [m for m in slow.messages[before:] if m["kind"] != "heartbeat"]
            assert len(news) <= 2
            assert any(m["seq"] - m["since"] > 1 for m in news if m["kind"] == "change")

    run(story)


def test_leaving_topics_and_sockets_leaves_nothing_behind() -> None:
    authorization = key()

    async def story() -> None:
        hub = None
        async with DirectClient() as socket:
            socket.send(authorization=authorization, subscribe=["tasks", "queues"])
            await socket.snapshot("queues")
            hub = consumer.get_hub()
            assert len(hub.viewers) == 1
            socket.send(unsubscribe=["tasks", "nonsense"])
            await socket.wait_for(
                lambda: any(m["topics"].keys() == {"queues"} for m in socket.of_kind("heartbeat")),
                "a heartbeat of one topic",
            )
        assert not hub.viewers
        assert not any(feed.viewers for feed in hub._feeds.values())
        assert not limits.counts._open

    run(story)
