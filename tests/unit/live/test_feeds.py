"""What a hub makes of the broadcaster's messages, and what it has for a viewer who is behind."""

import json
from typing import Any
from uuid import UUID

import orjson

from controlplane.live.changes import Change, apply
from controlplane.live.coordination import Watched
from controlplane.live.feeds import KEPT_CHANGES, Feed
from controlplane.live.messages import Kind, Publication

WATCHED = Watched(UUID(int=1), "queues")
AT = "2026-11-28T03:00:00.000Z"


def published(kind: Kind, seq: int, data: Any = None, *, epoch: int = 10) -> Publication:
    text = b"" if data is None else orjson.dumps(data)
    return Publication(WATCHED, kind, epoch, seq, AT, text)


def change(seq: int, *, epoch: int = 10) -> Publication:
    return published(Kind.CHANGE, seq, Change({"n": seq, f"key-{seq}": 1}).to_json(), epoch=epoch)


def feed_at(seq: int) -> Feed:
    """A feed that has followed from its first snapshot."""
    feed = Feed(WATCHED)
    assert feed.take(published(Kind.SNAPSHOT, 1, {"n": 1}), 0)
    for number in range(2, seq + 1):
        assert feed.take(change(number), 0)
    return feed


def message(feed: Feed, position: tuple[int, int] | None) -> dict[str, Any]:
    text = feed.message_after(position, "queues")
    assert text is not None
    found: dict[str, Any] = json.loads(text)
    return found


def test_changes_follow_a_snapshot() -> None:
    feed = feed_at(3)

    assert feed.snapshot == {"n": 3, "key-2": 1, "key-3": 1}
    assert feed.message_after((10, 3), "queues") is None
    newest = message(feed, (10, 2))
    assert (newest["kind"], newest["since"], newest["seq"]) == ("change", 2, 3)


def test_a_gap_and_another_broadcaster_need_a_whole_snapshot() -> None:
    for missed in (
        change(5),
        published(Kind.SAME, 4),
        change(4, epoch=11),
        published(Kind.SAME, 1, epoch=11),
    ):
        assert not feed_at(3).take(missed, 0)
    assert not Feed(WATCHED).take(change(2), 0)

    feed = feed_at(3)
    assert feed.take(published(Kind.SNAPSHOT, 1, {"n": 9}, epoch=11), 0)
    assert message(feed, (10, 3))["data"] == {"n": 9}


def test_what_comes_late_or_from_a_replaced_broadcaster_changes_nothing() -> None:
    feed = feed_at(3)
    late = (change(2), change(3), published(Kind.SAME, 2), published(Kind.SNAPSHOT, 9, {}, epoch=9))

    assert all(feed.take(each, 1) for each in late)
    assert (feed.position, feed.snapshot) == ((10, 3), {"n": 3, "key-2": 1, "key-3": 1})


def test_a_clock_that_was_set_back_is_followed_after_a_while() -> None:
    feed = feed_at(3)

    assert feed.take(published(Kind.SNAPSHOT, 1, {"n": 7}, epoch=9), 60)
    assert (feed.position, feed.snapshot) == ((9, 1), {"n": 7})


def test_a_viewer_who_is_behind_gets_one_message() -> None:
    last = KEPT_CHANGES + 4
    feed = feed_at(last)
    for seq in range(1, last):
        found = message(feed, (10, seq))
        if seq >= last - KEPT_CHANGES:
            before = feed_at(seq).snapshot or {}
            assert (found["kind"], found["since"]) == ("change", seq)
            assert apply(before, Change(**found["data"])) == feed.snapshot
        else:
            assert (found["kind"], found["data"]) == ("snapshot", feed.snapshot)
    assert message(feed, None)["every"] == 1
    assert len(feed._texts) <= KEPT_CHANGES + 1


def test_what_is_gone_may_come_back() -> None:
    feed = feed_at(3)

    assert feed.take(published(Kind.GONE, 4), 0)
    assert feed.is_gone
    assert feed.message_after((10, 3), "queues") is None
    assert feed.take(published(Kind.SNAPSHOT, 5, {"n": 5}), 0)
    assert not feed.is_gone
    assert message(feed, (10, 4))["data"] == {"n": 5}
