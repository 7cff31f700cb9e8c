"""One request and its response as uvicorn has them, for what ASGI's messages do more slowly."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from controlplane.core.http.messages import Reply


class UvicornExchange:
    """What our connection offers as the extension of ASGI that `messages.find_exchange` finds."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    @property
    def body_size(self) -> int | None:
        """The bytes of a body that has arrived as a whole and was not received yet; None while
        more may come."""
        return None if self._cycle.more_body else len(self._cycle.body)

    async def send(self, reply: Reply) -> None:
        """As two calls of the cycle's `send`, in one write, and without a look at each header:
        they are ours, and checked as a whole for line breaks. There is a content-length, and no
        header `connection`.

        Raises RuntimeError: a header has a line break in it, or a response has begun.
        """
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        if cycle.response_started:
            raise RuntimeError("A response has begun already.")
        lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *reply.headers)]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if not head.count(b"\r") == head.count(b"\n") == len(lines):
            raise RuntimeError("A header of the response has a line break in it.")
        body = b"" if cycle.scope["method"] == "HEAD" else reply.body
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.chunked_encoding = False
        cycle.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[reply.status], head, body))
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
