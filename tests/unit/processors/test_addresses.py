"""Which addresses tasks may reach: the corpus of ways to write an inside address."""

import asyncio
import ipaddress
import socket

import pytest

from tasks_app.processors.builtin.addresses import (
    AddressRules,
    RefusedAddress,
    UnresolvedName,
    is_public,
    system_resolver,
    vetted_addresses,
)

NOBODY = AddressRules()
PRIVATE = AddressRules(allow_private=True)

INSIDE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "::1", "fc00::1", "fd12:3456::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::c0a8:101",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "169.254.170.2", "fd00:ec2::254", "168.63.129.16", "100.100.100.200",
    "192.0.0.192", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
]  # fmt: skip
NOWHERE = [
    "0.0.0.0", "255.255.255.255", "224.0.0.1", "239.255.255.250", "240.0.0.1", "::", "ff02::1",  # noqa: S104 - nothing binds to it
    "ff0e::1", "fec0::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "::127.0.0.1", "4000::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]  # fmt: skip


def permits(rules: AddressRules, address: str, *, host: str = "a.example", port: int = 80) -> bool:
    return rules.permits(host, ipaddress.ip_address(address), port)


@pytest.mark.parametrize("address", [*INSIDE, *METADATA, *NOWHERE])
def test_nothing_but_the_open_internet_is_permitted(address: str) -> None:
    assert not permits(NOBODY, address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_open_internet_is_permitted(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert permits(NOBODY, address)
    assert permits(PRIVATE, address)


@pytest.mark.parametrize("address", INSIDE)
def test_private_networks_can_be_opened(address: str) -> None:
    assert permits(PRIVATE, address)


@pytest.mark.parametrize("address", [*METADATA, *NOWHERE])
def test_opening_private_networks_opens_no_metadata_service(address: str) -> None:
    assert not permits(PRIVATE, address)


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "expected"),
    [
        ("10.0.0.0/8", "a", "10.9.9.9", 80, True),
        ("10.0.0.0/8", "a", "11.0.0.1", 80, True),  # public anyway
        ("10.0.0.0/8", "a", "192.168.0.1", 80, False),
        ("10.0.0.0/8", "a", "::ffff:10.9.9.9", 80, True),
        ("127.0.0.1:8080", "a", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "a", "127.0.0.1", 8081, False),
        ("[::1]:80", "a", "::1", 80, True),
        ("[::1]:80", "a", "::1", 81, False),
        ("::1", "a", "::1", 81, True),
        ("billing.internal", "billing.internal", "10.0.0.1", 80, True),
        ("Billing.Internal", "billing.internal.", "10.0.0.1", 80, True),
        ("billing.internal", "evil-billing.internal", "10.0.0.1", 80, False),
        ("billing.internal:443", "billing.internal", "10.0.0.1", 80, False),
        ("169.254.169.254", "a", "169.254.169.254", 80, True),
    ],
)
def test_the_allow_list(entry: str, host: str, address: str, port: int, expected: bool) -> None:
    rules = AddressRules.of(allow_private=False, allow=[entry])

    assert permits(rules, address, host=host, port=port) is expected


@pytest.mark.parametrize("entry", ["", "a b:x", "host:99999", "http://a/", "u@host", "[::1", "a/b"])
def test_a_wrong_entry_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host, address or network"):
        AddressRules.of(allow_private=False, allow=[entry])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "::1", "0"],
)
def test_however_loopback_is_written_the_system_finds_it_and_it_is_refused(host: str) -> None:
    with pytest.raises(RefusedAddress, match="not a public address"):
        asyncio.run(vetted_addresses(host, 80, NOBODY, system_resolver))


def test_a_name_with_one_bad_address_is_refused_whole() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(RefusedAddress):
        asyncio.run(vetted_addresses("two.example", 80, NOBODY, resolve))


def test_the_message_does_not_tell_what_the_name_leads_to() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["10.11.12.13"]

    with pytest.raises(RefusedAddress) as caught:
        asyncio.run(vetted_addresses("inside.example", 80, NOBODY, resolve))

    assert "10.11.12.13" not in str(caught.value)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name unknown"), UnicodeError("too long")])
def test_a_name_without_an_address_may_have_one_later(error: Exception) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(UnresolvedName, match=r"gone\.example cannot be resolved"):
        asyncio.run(vetted_addresses("gone.example", 80, NOBODY, resolve))
