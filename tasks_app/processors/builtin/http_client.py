"""One HTTP exchange for a task: every connection is checked, every response is bounded."""

import functools
import logging
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tasks_app.processors.builtin.addresses import (
    AddressRules,
    RefusedAddress,
    Resolver,
    system_resolver,
    vetted_addresses,
)
from tasks_app.processors.outcomes import Fail

_KEEPS_METHOD = frozenset({301, 302})
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What a redirect to another site may still see of the caller's headers.
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})

for _name in ("httpx", "httpcore"):
    # Their lines show whole addresses and the answer's headers, secrets included. A level that
    # the operator has set stays.
    if logging.getLogger(_name).level == logging.NOTSET:
        logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Reply:
    """The response. `body` has at most the requested number of bytes."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes
    is_truncated: bool


class TooManyRedirects(Fail):
    """The redirects of the service are circular, or too many."""


class _GuardedTransport(httpx.AsyncBaseTransport):
    """Connects only to permitted addresses, under the requested name. It is a transport, not a
    check before the request, so that nothing can bypass it. The Host header stays as it is, and TLS
    gets the name: certificates are checked against it.
    """

    def __init__(self, rules: AddressRules, resolve: Resolver) -> None:
        self._rules = rules
        self._resolve = resolve
        self._plain = httpx.AsyncHTTPTransport(
            verify=_tls_context(),
            trust_env=False,  # a proxy would resolve the name again, behind our back
            # Kept connections are found by address: one site's would serve another's request.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii")
        scheme = request.url.scheme
        if scheme not in _DEFAULT_PORTS:
            raise RefusedAddress(f"Only http and https are supported: not {scheme!r}.")
        port = request.url.port or _DEFAULT_PORTS[scheme]
        failure: httpx.TransportError | None = None
        for address in await vetted_addresses(host, port, self._rules, self._resolve):
            try:
                return await self._plain.handle_async_request(_aimed_at(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error  # nothing was sent yet: the next address may answer
        assert failure is not None  # noqa: S101 - vetted_addresses never gives an empty list
        raise failure

    async def aclose(self) -> None:
        await self._plain.aclose()


def _aimed_at(request: httpx.Request, host: str, address: str) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


@functools.lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    # Reading the certificates takes about 20 ms, so once per process.
    return httpx.create_ssl_context()


async def exchange(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None,
    rules: AddressRules,
    max_bytes: int,
    max_redirects: int = 0,
    timeout_seconds: float,
    resolve: Resolver = system_resolver,
) -> Reply:
    """Send one request and read at most `max_bytes` of the answer's body.

    With `max_redirects` of 0, a redirect is a response like any other. On a redirect to another
    site, the caller's headers are not sent. It may not name credentials, nor lead from https to
    http. A POST becomes a GET after 301, 302 and 303, any other method after 303 only.

    Raises RefusedAddress, TooManyRedirects, UnresolvedName, httpx.HTTPError.
    """
    async with httpx.AsyncClient(
        transport=_GuardedTransport(rules, resolve), timeout=timeout_seconds, trust_env=False
    ) as client:
        # Decoding happens below, bounded; httpx would unpack a small answer into gigabytes.
        request = client.build_request(
            method, url, headers={"accept-encoding": "identity", **headers}, content=content
        )
        for _ in range(max_redirects + 1):
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                if max_redirects == 0 or response.next_request is None:
                    body, is_truncated = await _read(response, max_bytes)
                    url, status = str(response.url), response.status_code
                    return Reply(url, status, response.headers, body, is_truncated)
                request = _following(request, response)
            finally:
                await response.aclose()
    raise TooManyRedirects(f"{request.url.host}: more than {max_redirects} redirects.")


def _following(before: httpx.Request, response: httpx.Response) -> httpx.Request:
    after = response.next_request
    assert after is not None  # noqa: S101 - asked for by the caller
    _refuse_unsafe(before.url, after.url)
    if response.status_code in _KEEPS_METHOD and before.method not in ("HEAD", "POST"):
        # httpx would turn every method into GET for a 302; only a POST is turned (Fetch, 4.4).
        after.method, after.stream = before.method, before.stream
        for name in ("content-length", "transfer-encoding"):
            if name in before.headers:
                after.headers[name] = before.headers[name]
    if _origin(before.url) != _origin(after.url):
        kept = {k: v for k, v in after.headers.items() if k in _HARMLESS_HEADERS}
        for name in ("content-length", "transfer-encoding", "accept-encoding", "host"):
            if name in after.headers:
                kept[name] = after.headers[name]
        after.headers = httpx.Headers(kept)
    return after


def _refuse_unsafe(before: httpx.URL, after: httpx.URL) -> None:
    """Check a redirect by the rules for the payload's own address; encryption must be kept. Raises
    RefusedAddress."""
    if after.userinfo:
        raise RefusedAddress(
            f"{before.host} redirects to an address with a user or password in it."
        )
    if before.scheme == "https" and after.scheme == "http":
        raise RefusedAddress(f"{before.host} redirects from https to http.")


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port or _DEFAULT_PORTS.get(url.scheme)


async def _read(response: httpx.Response, max_bytes: int) -> tuple[bytes, bool]:
    """The decompressed body up to the limit, and whether there was more."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    unpack = zlib.decompressobj(wbits=47) if packing in ("gzip", "x-gzip", "deflate") else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        room = max_bytes + 1 - len(body)
        body += unpack.decompress(chunk, room) if unpack else chunk[:room]
        if len(body) > max_bytes:
            return bytes(body[:max_bytes]), True
    return bytes(body), False
