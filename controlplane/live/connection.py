"""One socket of somebody who is known."""

import asyncio
import random
import time
from dataclasses import dataclass

from controlplane.core.clock import now, utc_z
from controlplane.core.errors import NotFound
from controlplane.core.http.messages import Receive, Send
from controlplane.live import identity
from controlplane.live.coordination import Watched
from controlplane.live.feeds import Feed, Position
from controlplane.live.hub import Hub
from controlplane.live.identity import Credentials, Identity
from controlplane.live.limits import MessageBudget
from controlplane.live.messages import (
    MAX_TOPICS,
    Closed,
    Code,
    Kind,
    Request,
    encode,
    encode_error,
    read_request,
)
from controlplane.live.topics import find_topic, split_name

CHECK_SECONDS = 30.0
# Between the first news and their sending, so that the news of all topics go together.
GATHER_SECONDS = 0.05
# Between two heartbeats, at least and at most.
HEARTBEAT_SECONDS = 0.5
SILENT_SECONDS = 1.9


class Wire:
    """The messages of one socket."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._budget = MessageBudget()

    async def next_request(self) -> Request | None:
        """What the client asks for; None when it has left. Raises Closed."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        self._budget.spend()
        return read_request(message)

    async def send(self, text: str) -> None:
        """Waits for a client that reads slowly. Raises Closed: it does not read at all."""
        try:
            await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise Closed(Code.NOT_READING, "The client does not read.") from None


@dataclass(frozen=True, slots=True)
class Introduction:
    """What is known after the first message."""

    credentials: Credentials
    identity: Identity
    request: Request


@dataclass(slots=True)
class _Subscription:
    """A topic that the client watches, and the state of it that it has. `workspace` is the one that
    its name has, empty for that of the socket."""

    workspace: str
    feed: Feed
    position: Position | None = None
    at: str | None = None


class Connection:
    """A viewer of the hub. Whatever comes while the client does not read is one mark per topic: it
    then gets one message that leads to the present state."""

    def __init__(self, wire: Wire, client: Introduction, hub: Hub) -> None:
        self._wire = wire
        self._client = client
        self._identity = client.identity
        self._hub = hub
        self._topics: dict[str, _Subscription] = {}  # by the names that the client uses
        self._names: dict[Watched, set[str]] = {}
        self._news: set[str] = set()
        self._wake = asyncio.Event()
        self._owes_heartbeat = False
        self._heartbeat_at = 0.0

    async def serve(self) -> None:
        """Until the client leaves. Raises Closed."""
        tasks: list[asyncio.Task[None]] = []
        self._hub.add(self)
        try:
            await self._wire.send(
                encode(Kind.HELLO, workspace=self._identity.workspace or None, at=utc_z(now()))
            )
            await self._follow(self._client.request)
            tasks += map(asyncio.ensure_future, (self._read(), self._write(), self._check_again()))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hub.remove(self, list(self._names))

    # --- The hub calls these ---

    def notice(self, watched: Watched) -> None:
        """There is something new of the topic."""
        self._news |= self._names.get(watched, set())
        self._wake.set()

    def tick(self, at: float) -> None:
        """Called once a second: report that nothing is new, but not of no topics."""
        if self._topics and at - self._heartbeat_at > SILENT_SECONDS:
            self._owes_heartbeat = True
            self._wake.set()

    # --- What the client sends ---

    async def _read(self) -> None:
        while (request := await self._wire.next_request()) is not None:
            if request.authorization is not None or request.workspace is not None:
                raise Closed(
                    Code.BAD_MESSAGE, "authorization and workspace are for the first message."
                )
            await self._follow(request)

    async def _follow(self, request: Request) -> None:
        for name in request.unsubscribe:
            self._unsubscribe(name)
        if request.subscribe:
            await self._check()
        for name in request.subscribe:
            if refusal := self._subscribe(name):
                await self._wire.send(encode_error(*refusal, topic=name))

    def _subscribe(self, name: str) -> tuple[int, str] | None:
        """Watch a topic, or watch it from its whole snapshot on; or why not."""
        workspace, topic = split_name(name)
        try:
            found = find_topic(topic)
        except NotFound as error:
            return Code.NOT_FOUND, error.detail
        access = self._identity.find_access(workspace)
        reason = self._identity.refusal_of(found.topic, workspace)
        if reason or access is None:
            return Code.FORBIDDEN, reason
        name = f"{workspace}/{found.name}" if workspace else found.name
        if name in self._topics:
            self._topics[name].position = None
        elif len(self._topics) >= MAX_TOPICS:
            return Code.TOO_MANY, f"A socket may watch {MAX_TOPICS} topics: unsubscribe from one."
        else:
            watched = Watched(access.workspace_id, found.name)
            self._topics[name] = _Subscription(workspace, self._hub.subscribe(self, watched))
            self._names.setdefault(watched, set()).add(name)
        self._news.add(name)
        self._wake.set()
        return None

    def _unsubscribe(self, name: str) -> None:
        subscription = self._topics.pop(name, None)
        if subscription is None:
            return
        self._news.discard(name)
        watched = subscription.feed.watched
        self._names[watched].discard(name)
        if not self._names[watched]:
            del self._names[watched]
            self._hub.unsubscribe(self, watched)

    # --- What it gets ---

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            while self._news:
                await self._send_news(self._news.pop())
                self._owes_heartbeat = True
            if not self._owes_heartbeat or not self._topics:
                continue
            early = self._heartbeat_at + HEARTBEAT_SECONDS - time.monotonic()
            if early > 0:
                loop.call_later(early, self._wake.set)
            else:
                await self._send_heartbeat()

    async def _send_news(self, name: str) -> None:
        subscription = self._topics.get(name)
        if subscription is None:
            return
        feed = subscription.feed
        if feed.is_gone:
            self._unsubscribe(name)
            await self._wire.send(encode(Kind.GONE, topic=name))
            return
        text = feed.message_after(subscription.position, name)
        subscription.position, subscription.at = feed.position, feed.at
        if text is not None:
            await self._wire.send(text)

    async def _send_heartbeat(self) -> None:
        """How old the client's data is."""
        self._owes_heartbeat, self._heartbeat_at = False, time.monotonic()
        ages = {name: each.at for name, each in self._topics.items()}
        await self._wire.send(encode(Kind.HEARTBEAT, at=utc_z(now()), topics=ages))

    # --- Whether it still may ---

    async def _check(self) -> None:
        """Raises Closed: nobody, or no member of the socket's workspace any more."""
        found = await identity.check(self._client.credentials, known=self._identity)
        before, access = self._identity.find_access(""), found.find_access("")
        if before and (access is None or access.workspace_id != before.workspace_id):
            raise Closed(Code.FORBIDDEN, "You are not in this workspace any more.")
        self._identity = found

    async def _check_again(self) -> None:
        """While the socket is open. Raises Closed."""
        while True:
            # At another time for each, so that they do not come together.
            await asyncio.sleep(CHECK_SECONDS * random.uniform(0.9, 1.0))
            await self._check()
            for name, subscription in list(self._topics.items()):
                reason = self._refusal_of(subscription)
                if reason and not subscription.workspace:
                    raise Closed(Code.FORBIDDEN, reason)
                if reason:
                    # The other workspaces of the socket are not affected.
                    self._unsubscribe(name)
                    await self._wire.send(encode_error(Code.FORBIDDEN, reason, topic=name))

    def _refusal_of(self, subscription: _Subscription) -> str:
        """Why a topic may not be watched any more; empty if it may."""
        watched = subscription.feed.watched
        access = self._identity.find_access(subscription.workspace)
        if access is not None and access.workspace_id != watched.workspace_id:
            return f"The workspace {subscription.workspace!r} is another one now."
        return self._identity.refusal_of(find_topic(watched.topic).topic, subscription.workspace)
