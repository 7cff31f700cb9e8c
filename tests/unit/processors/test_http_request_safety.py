"""`http-request`: refused addresses, redirects, certificates, proxies."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tasks_app.processors import Fail
from tasks_app.processors.builtin import http_client
from tasks_app.processors.builtin.addresses import AddressRules, RefusedAddress, Resolver
from tasks_app.processors.builtin.http_request import (
    FinalStatus,
    _category_of,
)
from tests.unit.processors.certificates import make_authority
from tests.unit.processors.webservice import Answer, Webservice, allow, call, serving


def test_a_closed_port_is_a_network_error(settings: Settings) -> None:
    with serving() as gone:
        allow(settings, gone.allowed)
    with pytest.raises(Exception) as caught:
        call(url=gone.url())

    assert _category_of(caught.value) == "NETWORK"
    assert _category_of(FinalStatus("no")) == "VALIDATION"
    assert _category_of(TimeoutError()) == "TIMEOUT"
    assert _category_of(KeyError()) is None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1",
     "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "①②⑦.⓪.⓪.①"],
)  # fmt: skip
def test_loopback_is_refused_in_every_spelling(settings: Settings, host: str) -> None:
    allow(settings)
    with serving() as service:
        with pytest.raises(RefusedAddress):
            call(url=service.url(host=host))
        assert service.asked == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]"])
def test_metadata_services_are_refused_even_with_private_networks_open(
    settings: Settings, host: str
) -> None:
    allow(settings, private=True)

    with pytest.raises(RefusedAddress):
        call(url=f"http://{host}/latest/meta-data/")


def test_private_networks_can_be_opened(settings: Settings) -> None:
    allow(settings, private=True)
    with serving() as service:
        service.answers["/"] = Answer(204)
        assert call(url=service.url())["status"] == 204


def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(service: Webservice) -> None:
    service.answers["/from"] = Answer(302, {"Location": "/to"})
    service.answers["/to"] = Answer(200, {}, b"there")

    kept = call(url=service.url("/from"), expectedStatuses=[302])
    followed = call(url=service.url("/from"), followRedirects=True)

    assert kept["headers"]["location"] == "/to"
    assert followed["body"] == "there"


def test_a_redirect_to_an_inside_address_is_refused(service: Webservice) -> None:
    with serving() as inside:
        inside.answers["/"] = Answer(200, {}, b"secret")
        for target in (inside.url(), inside.url(host="2130706433"), "http://169.254.169.254/"):
            service.answers["/"] = Answer(302, {"Location": target})
            with pytest.raises(RefusedAddress):
                call(url=service.url(), followRedirects=True)
        service.answers["/"] = Answer(302, {"Location": "file:///etc/passwd"})
        with pytest.raises(Exception, match="Only http and https|unsupported protocol"):
            call(url=service.url(), followRedirects=True)
        assert inside.asked == []


def test_a_redirect_to_another_site_leaves_the_headers_behind(
    service: Webservice, settings: Settings
) -> None:
    with serving() as other:
        allow(settings, service.allowed, other.allowed)
        other.answers["/"] = Answer(200)
        service.answers["/out"] = Answer(307, {"Location": other.url()})
        service.answers["/in"] = Answer(307, {"Location": "/out"})
        secrets = {"Authorization": "Bearer s", "X-Api-Key": "s", "Cookie": "a=s", "Accept": "a/b"}

        call(url=service.url("/in"), method="POST", json=1, headers=secrets, followRedirects=True)

        assert [asked.headers.get("x-api-key") for asked in service.asked] == ["s", "s"]
        seen = other.asked[0].headers
        assert not {"authorization", "x-api-key", "cookie", "idempotency-key"} & set(seen)
        assert seen["accept"] == "a/b"
        assert seen["host"] == f"127.0.0.1:{other.port}"
        assert other.asked[0].body == b"1"


@pytest.mark.parametrize("login", ["u:p@", "u@", ":p@", "u:p%40x@"])
@pytest.mark.parametrize(
    "form", ["http://{login}127.0.0.1:{port}/to", "//{login}127.0.0.1:{port}/to"]
)
def test_a_redirect_with_credentials_is_refused(service: Webservice, login: str, form: str) -> None:
    target = form.format(login=login, port=service.port)
    service.answers["/from"] = Answer(302, {"Location": target})
    service.answers["/to"] = Answer(200)

    with pytest.raises(RefusedAddress, match="with a user or password") as refused:
        call(url=service.url("/from"), followRedirects=True)

    assert [asked.path for asked in service.asked] == ["/from"]
    assert login not in str(refused.value)


def test_the_login_in_a_kept_address_is_masked(service: Webservice) -> None:
    service.answers["/"] = Answer(302, {"Location": "http://u:hunter2@other.test/?token=hunter2"})

    kept = call(url=service.url(), expectedStatuses=[302])

    assert "hunter2" not in str(kept)
    assert "other.test" in kept["headers"]["location"]


def test_a_redirect_from_https_to_http_is_refused(
    shop_certificate: ssl.SSLContext, settings: Settings
) -> None:
    with serving(shop_certificate) as secure, serving() as plain:
        allow(settings, secure.allowed, plain.allowed)
        secure.answers["/"] = Answer(302, {"Location": plain.url(host="shop.test")})
        with pytest.raises(RefusedAddress, match="from https to http"):
            exchange(secure.url(host="shop.test"), to_loopback, redirects=1)
        assert plain.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_the_method_after_a_redirect(service: Webservice, status: int, method: str) -> None:
    """As the Fetch standard has it: a DELETE that is answered by 302 deletes, it does not get."""
    service.answers["/from"] = Answer(status, {"Location": "/to"})
    service.answers["/to"] = Answer(200)
    body = {"body": "x"} if method not in ("GET", "HEAD") else {}

    call(url=service.url("/from"), method=method, followRedirects=True, **body)

    last = service.asked[-1]
    becomes_get = (status == 303 and method != "HEAD") or (
        status in (301, 302) and method == "POST"
    )
    assert last.path == "/to"
    assert last.method == ("GET" if becomes_get else method)
    assert last.body == (b"" if becomes_get or not body else b"x")


def test_redirects_end(service: Webservice) -> None:
    service.answers["/"] = Answer(302, {"Location": "/"})

    with pytest.raises(Fail, match="more than 3 redirects"):
        call(url=service.url(), followRedirects=True, maxRedirects=3)
    assert len(service.asked) == 4


def test_the_name_is_resolved_once_and_its_address_used(service: Webservice) -> None:
    """Rebinding: the second answer of the name would be another address."""
    service.answers["/"] = Answer(200, {}, b"first")
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    reply = exchange(service.url(host="shop.test"), resolve)

    assert (asked, reply.body) == (["shop.test"], b"first")
    assert service.asked[0].headers["host"] == f"shop.test:{service.port}"


def test_the_next_address_is_tried_when_one_does_not_answer(service: Webservice) -> None:
    service.answers["/"] = Answer(200)

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # the server listens on the second only

    assert exchange(service.url(host="shop.test"), resolve).status == 200


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def shop_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A certificate for shop.test that the client trusts."""
    authority = make_authority(tmp_path, names=["shop.test"])
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trust))
    http_client._tls_context.cache_clear()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.certificate, authority.key)
    yield server
    http_client._tls_context.cache_clear()


def exchange(url: str, resolve: Resolver, redirects: int = 0) -> http_client.Reply:
    return asyncio.run(
        http_client.exchange(
            "GET",
            url,
            headers={},
            content=None,
            rules=AddressRules.of(allow_private=False, allow=["127.0.0.0/8"]),
            max_bytes=100,
            max_redirects=redirects,
            timeout_seconds=5,
            resolve=resolve,
        )
    )


def test_certificates_are_checked_against_the_name(shop_certificate: ssl.SSLContext) -> None:
    with serving(shop_certificate) as service:
        service.answers["/"] = Answer(200)
        assert exchange(service.url(host="shop.test"), to_loopback).status == 200
        with pytest.raises(Exception, match="Hostname mismatch") as caught:
            exchange(service.url(host="other.test"), to_loopback)
    assert _category_of(caught.value) == "NETWORK"


def test_a_proxy_of_the_environment_is_not_used(
    service: Webservice, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answers["/"] = Answer(200)
    with serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        monkeypatch.setenv("ALL_PROXY", proxy.url())
        assert call(url=service.url())["status"] == 200
        assert proxy.asked == []
