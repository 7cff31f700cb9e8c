"""What a moment ago was wrong is in Redis, which tests share."""

import pytest

from controlplane.ops.overview import recent
from controlplane.workspaces.queries import get_default_workspace_id


@pytest.fixture(autouse=True)
def _nothing_was_wrong_before() -> None:
    recent.forget(get_default_workspace_id())
