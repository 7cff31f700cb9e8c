"""Keys of calls: what is made once for a key."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from controlplane.core.errors import Conflict
from controlplane.workspaces.idempotency import hash_body, run_once, store_or_get_response
from controlplane.workspaces.queries import get_default_workspace_id

pytestmark = pytest.mark.django_db


def _make(made: list[UUID]) -> Callable[[], UUID]:
    def make() -> UUID:
        made.append(uuid4())
        return made[-1]

    return make


def test_a_key_makes_one_thing() -> None:
    made: list[UUID] = []
    once = {"workspace_id": get_default_workspace_id(), "key": "a", "asked": ["x"]}
    first = run_once(_make(made), **once)  # type: ignore[arg-type] # one dictionary of two types
    again = run_once(_make(made), **once)  # type: ignore[arg-type] # as above
    assert (first, again) == ((made[0], True), (made[0], False))
    assert len(made) == 1


def test_an_answer_that_an_earlier_version_kept_is_a_conflict() -> None:
    workspace_id = get_default_workspace_id()
    store_or_get_response(
        workspace_id=workspace_id, key="a", body_hash=hash_body("x"), answer={"workflow": "1"}
    )
    made: list[UUID] = []
    with pytest.raises(Conflict, match="before an upgrade"):
        run_once(_make(made), workspace_id=workspace_id, key="a", asked=["x"])
    assert made == []
