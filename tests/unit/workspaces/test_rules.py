"""Roles, scopes, the text of a key."""

import itertools

import pytest

from controlplane.workspaces.identities import hash_key, make_key, prefix_of
from controlplane.workspaces.permissions import allows, required_role
from controlplane.workspaces.states import Role


def test_each_role_includes_the_ones_before_it() -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    for (i, has), (j, needed) in itertools.product(enumerate(order), repeat=2):
        assert has.includes(needed) == (i >= j)


def test_what_no_view_says_is_refused_to_viewers() -> None:
    class View:
        required_roles = {"GET": "operator", "DELETE": "admin"}

    assert required_role("GET", View()) == Role.OPERATOR
    assert required_role("HEAD", View()) == Role.OPERATOR
    assert required_role("DELETE", View()) == Role.ADMIN
    assert required_role("POST", View()) == Role.OPERATOR
    assert required_role("GET", object()) == Role.VIEWER
    assert required_role("BREW", object()) == Role.OPERATOR


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        ([], True, True),
        (["tasks:read"], True, False),
        (["tasks:write"], True, True),
        (["*:read"], True, False),
        (["*:write"], True, True),
        (["queues:write"], False, False),
        (["task:write"], False, False),
    ],
)
def test_scopes_narrow_a_key(scopes: list[str], reads: bool, writes: bool) -> None:
    assert allows(frozenset(scopes), "tasks", is_read=True) is reads
    assert allows(frozenset(scopes), "tasks", is_read=False) is writes


def test_keys_are_unlike_each_other_and_hide_their_secret() -> None:
    keys = [make_key() for _ in range(100)]
    assert len({k.secret for k in keys}) == len({k.prefix for k in keys}) == 100
    key = keys[0]
    assert prefix_of(key.secret) == key.prefix
    assert len(key.secret) == len("tp_") + 8 + 1 + 43  # 43 characters hold 256 bits
    assert key.secret not in repr(key)
    assert len(hash_key(key.secret)) == 64


@pytest.mark.parametrize(
    "text", ["", "tp_", "tp_abcdefgh", "tp_abcdefgh_short", "x" * 10_000, "tp_ABCDEFGH_" + "a" * 43]
)
def test_what_is_no_key_has_no_prefix(text: str) -> None:
    assert prefix_of(text) is None
    good = make_key().secret
    assert prefix_of(good + "\n") is None
