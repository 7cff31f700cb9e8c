"""The names of topics, and which topics may be registered."""

from typing import Any
from uuid import UUID

import pytest

from controlplane.live import topics
from controlplane.live.topics import Topic, list_topics, register, split_name


def read(_workspace_id: UUID, _key: str) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("queues", ("", "queues")),
        ("payments/queues", ("payments", "queues")),
        ("payments/task:7", ("payments", "task:7")),
        ("task:a/b", ("", "task:a/b")),
        ("payments/task:a/b", ("payments", "task:a/b")),
        ("/queues", ("", "queues")),
        ("", ("", "")),
    ],
)
def test_a_workspace_stands_in_front_of_a_topic(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize("seconds", [0.5, 2.5, 5])
def test_a_topic_that_could_not_be_live_is_refused(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "_registered", {})
    with pytest.raises(ValueError, match="every 1 to 2 s"):
        register(Topic("slow", read=read, resource="tasks", every_seconds=seconds))
    register(Topic("slow", read=read, resource="tasks", every_seconds=2))


def test_every_topic_is_read_often_enough_to_be_live() -> None:
    assert all(topic.every_seconds <= topics.LONGEST_PERIOD for topic in list_topics())
