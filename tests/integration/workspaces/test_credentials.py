"""What lets a large body in."""

import pytest

from controlplane.workspaces.actors import SYSTEM
from controlplane.workspaces.authentication import has_valid_credentials
from controlplane.workspaces.services import revoke_api_key
from tests.clients import key_client, user_client

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_a_key_until_it_is_revoked() -> None:
    client = key_client()
    header = client.defaults["HTTP_AUTHORIZATION"]
    assert has_valid_credentials(header, "")
    assert not has_valid_credentials(header[:-1], "")
    assert not has_valid_credentials(header.replace("Bearer", "Basic"), "")
    key = client.api_key
    revoke_api_key(workspace=key.workspace, key_id=key.id, actor=SYSTEM)
    assert not has_valid_credentials(header, "")


def test_the_session_of_a_user_who_is_logged_in() -> None:
    client = user_client()
    session = client.cookies["sessionid"].value
    assert has_valid_credentials("", f"a=b; sessionid={session}")
    client.user.set_password("another")
    client.user.save()
    assert not has_valid_credentials("", f"sessionid={session}")


@pytest.mark.parametrize(
    "cookie", ["", "sessionid=", "sessionid=nonsense", "sessionid=a\x00b", ";;="]
)
def test_nothing_else(cookie: str) -> None:
    assert not has_valid_credentials("", cookie)
    assert not has_valid_credentials("Bearer nonsense", cookie)
